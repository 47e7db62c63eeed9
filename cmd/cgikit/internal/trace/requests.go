package trace

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

const (
	maxParams   = 256 << 10 // of a request, kept to be decoded
	maxHead     = 8 << 10   // of a response, kept to find its status
	maxRequests = 1024      // open at the same time on a connection
)

// request is what is known of an exchange of which the end has not been seen.
type request struct {
	Exchange
	keep   bool
	params []byte                  // not decoded yet
	names  int                     // variables decoded
	ended  [wire.TypeData + 1]bool // the streams of these types
	length int64                   // CONTENT_LENGTH; -1 for none
	head   []byte
	hasGot bool
}

// management describes a record of the connection itself.
func (f *fastCGIDecoder) management(e *Event, t wire.RecordType, content []byte) {
	switch t {
	case wire.TypeGetValues, wire.TypeGetValuesResult:
		pairs, err := wire.DecodePairs(content, 64)
		if err != nil {
			e.Note = err.Error()
			e.broken("F8", "its name-value pairs are malformed")
			return
		}
		var list []string
		for name, value := range pairs.All() {
			item := quoteCut(name, 32)
			if t == wire.TypeGetValuesResult {
				item += "=" + quoteCut(value, 32)
			}
			list = append(list, item)
		}
		e.Note = strings.Join(list, " ")
	case wire.TypeUnknownType:
		if len(content) > 0 {
			e.Note = "the peer does not know type " + strconv.Itoa(int(content[0]))
		}
	case wire.TypeBeginRequest, wire.TypeAbortRequest, wire.TypeEndRequest, wire.TypeParams, wire.TypeStdin, wire.TypeStdout, wire.TypeStderr, wire.TypeData:
		e.broken("F4", "a record of a request has id 0")
	}
}

// inRequest describes a record of a request, and follows the request.
func (f *fastCGIDecoder) inRequest(e *Event, t wire.RecordType, content []byte) {
	if t == wire.TypeBeginRequest {
		f.begin(e, content)
		return
	}
	r := f.requests[e.ID]
	if r == nil {
		e.Note = "the id is not in use"
		return
	}
	switch t {
	case wire.TypeParams:
		r.addParams(e, content)
	case wire.TypeStdin, wire.TypeData:
		r.addBody(e, t, content)
	case wire.TypeStdout:
		r.addOutput(e, content)
	case wire.TypeStderr:
		r.Stderr += int64(len(content))
		e.Note = quoteCut(firstLine(string(content)), 120)
	case wire.TypeEndRequest:
		f.finishRequest(e, r, content)
	}
	if t >= wire.TypeParams && t <= wire.TypeData {
		r.checkStream(e, t, content)
	}
}

func (f *fastCGIDecoder) begin(e *Event, content []byte) {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		e.Note = err.Error()
		return
	}
	e.Note = roleName(b.Role)
	if b.KeepConn {
		e.Note += " keep"
	}
	if f.requests[e.ID] != nil {
		e.broken("F21", "the id is in use already")
	}
	if len(f.requests) >= maxRequests {
		e.Note += "; too many requests are open, this one is not followed"
		return
	}
	f.requests[e.ID] = &request{Exchange: Exchange{Began: e.At}, keep: b.KeepConn, length: -1}
}

func roleName(r wire.Role) string {
	switch r {
	case wire.RoleResponder:
		return "responder"
	case wire.RoleAuthorizer:
		return "authorizer"
	case wire.RoleFilter:
		return "filter"
	}
	return "role " + strconv.Itoa(int(r))
}

// addParams decodes the pairs that are complete. A pair may go on in the next record.
func (r *request) addParams(e *Event, content []byte) {
	if len(r.params)+len(content) > maxParams {
		e.Note = "more variables than are kept"
		return
	}
	rest := string(append(r.params, content...))
	for rest != "" {
		name, value, after, err := wire.CutPair(rest)
		if err != nil {
			break
		}
		r.names++
		r.variable(name, value)
		e.Variables = append(e.Variables, Variable{name, value})
		rest = after
	}
	r.params = append(r.params[:0], rest...)
	if len(content) > 0 {
		e.Note = strings.TrimSpace(requestLine(r.Method, r.URI) + "  " + Plural(r.names, "variable"))
	} else if len(r.params) > 0 {
		e.broken("F9", "a length goes beyond the end of the variables")
	}
}

func (r *request) variable(name, value string) {
	switch name {
	case "REQUEST_METHOD":
		r.Method = value
	case "REQUEST_URI":
		r.URI = value
	case "SCRIPT_NAME":
		if r.URI == "" {
			r.URI = value
		}
	case "CONTENT_LENGTH":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			r.length = n
		}
	}
}

func (r *request) addBody(e *Event, t wire.RecordType, content []byte) {
	if t == wire.TypeStdin {
		r.Sent += int64(len(content))
	}
	if t == wire.TypeStdin && len(content) == 0 && r.length >= 0 && r.Sent != r.length {
		e.broken("F26", fmt.Sprintf("the body has %d bytes, CONTENT_LENGTH is %d", r.Sent, r.length))
	}
}

// addOutput looks for the head of the response in its first bytes.
func (r *request) addOutput(e *Event, content []byte) {
	if len(content) == 0 {
		return
	}
	if !r.hasGot {
		r.hasGot, r.Head = true, e.At-r.Began
		if !r.ended[wire.TypeParams] {
			e.broken("F22", "output before the variables are complete")
		}
	}
	r.Got += int64(len(content))
	if r.Status != "" || len(r.head) >= maxHead {
		return
	}
	r.head = append(r.head, content[:min(len(content), maxHead-len(r.head))]...)
	if status, ok := headStatus(r.head); ok {
		r.Status = status
		e.Note = "Status: " + quoteCut(status, 64)
	}
}

// headStatus returns the status of the CGI response whose first bytes are given: "200" where the
// head has none, "" and true where the bytes are no head.
func headStatus(b []byte) (status string, complete bool) {
	status = "200"
	for given := false; len(b) > 0; {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if !ended {
			return "", false
		}
		if len(line) == 0 {
			return status, true
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if version, rest, ok := bytes.Cut(line, []byte(" ")); ok && bytes.HasPrefix(version, []byte("HTTP/")) {
			name, value = []byte("Status"), rest
		}
		switch {
		case given:
		case bytes.EqualFold(name, []byte("Status")):
			status, given = string(bytes.TrimSpace(value)), true
		case bytes.EqualFold(name, []byte("Location")):
			status = "302"
		}
		b = rest
	}
	return "", false
}

func (f *fastCGIDecoder) finishRequest(e *Event, r *request, content []byte) {
	delete(f.requests, e.ID)
	status, err := wire.ParseEndRequest(content)
	if err != nil {
		e.Note = err.Error()
		return
	}
	e.Note = "appStatus " + strconv.FormatUint(uint64(status.AppStatus), 10) + ", " + strings.TrimPrefix(status.ProtocolStatus.String(), "FCGI_")
	r.AppStatus, r.Whole = status.AppStatus, e.At-r.Began
	if status.ProtocolStatus != wire.RequestComplete {
		r.Refused = status.ProtocolStatus.String()
	} else if !r.ended[wire.TypeStdout] {
		e.broken("F24", "STDOUT was not ended by an empty record")
	}
	f.ended[0] = &r.Exchange
	e.Ended = f.ended[:]
}

// checkStream finds records that a stream must not have.
func (r *request) checkStream(e *Event, t wire.RecordType, content []byte) {
	switch {
	case r.ended[t] && len(content) > 0 && t == wire.TypeStdout:
		e.broken("F28", "STDOUT goes on after an empty record, which nginx takes for the end")
	case r.ended[t] && len(content) > 0:
		e.broken("F7", "the stream goes on after its end")
	}
	if len(content) == 0 {
		r.ended[t] = true
	}
}

// checkHeader finds what a header must not have.
func (f *fastCGIDecoder) checkHeader(e *Event, h wire.Header, d Direction) {
	toApp := []wire.RecordType{wire.TypeBeginRequest, wire.TypeAbortRequest, wire.TypeParams, wire.TypeStdin, wire.TypeData, wire.TypeGetValues}
	toServer := []wire.RecordType{wire.TypeEndRequest, wire.TypeStdout, wire.TypeStderr, wire.TypeGetValuesResult, wire.TypeUnknownType}
	wrong := toServer
	if d == ToServer {
		wrong = toApp
	}
	if slices.Contains(wrong, h.Type) {
		e.broken("F38", "a record of this type goes the other way")
	}
	if d == ToServer && h.ID != 0 && f.requests[h.ID] == nil {
		e.broken("F38", "the id is not in use")
	}
}

func (e *Event) broken(id, what string) { e.Broken = append(e.Broken, Violation{id, what}) }

// cutOff notes the requests that a closed connection leaves without END_REQUEST.
func (f *fastCGIDecoder) cutOff(e *Event, at time.Duration) {
	var ids []string
	for id, r := range f.requests {
		ids = append(ids, strconv.Itoa(int(id)))
		r.CutOff, r.Whole = true, at-r.Began
		e.Ended = append(e.Ended, &r.Exchange)
	}
	if len(ids) > 0 {
		slices.Sort(ids)
		e.Note = "cut off: no END_REQUEST for id=" + strings.Join(ids, ",")
		e.broken("F40", "a response has no END_REQUEST")
	}
	clear(f.requests)
}

// closeNote says how a connection ended, where it is not the regular way.
func closeNote(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	}
	return quoteCut(err.Error(), 80)
}
