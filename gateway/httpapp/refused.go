package httpapp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// There are two kinds of refused requests: those that an AppHandler refuses, and those that
// net/http answers by itself before it calls a handler, with 400, 417, 431, 501 and 505. net/http
// has no hook for the second kind, so requestLine finds them in the bytes that are read from and
// written to the connection.

// answerRefused answers r with a page and calls Refused. fields is what a trusted proxy says of r.
func (h *AppHandler) answerRefused(w http.ResponseWriter, r *http.Request, fields *forwarded, status int, text string, err error) {
	request := refusedRequest(refusedEnviron(r))
	if ids := r.Header.Values("X-Request-ID"); len(ids) > 0 && (fields != nil || !h.DropRequestID) {
		request.Environ.Add("HTTP_X_REQUEST_ID", strings.Join(ids, ", "))
	}
	own := headers.New(
		headers.Field{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		headers.Field{Name: "X-Content-Type-Options", Value: "nosniff"},
	)
	gateway.SetOwnFields(own, h.App, request)
	for name, value := range own.All() {
		w.Header().Add(name, value)
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
	if h.Refused == nil {
		return
	}
	f := &gateway.Refusal{Request: request, Status: status, Err: err}
	if r.Method != http.MethodHead {
		f.Bytes = int64(len(text) + len("\n"))
	}
	h.Refused(f)
}

func refusedRequest(e *util.Environ) *gateway.Request {
	return &gateway.Request{Environ: e, Stdin: gateway.NoBody}
}

// refusedEnviron returns the variables that an access log shows of a refused request.
func refusedEnviron(r *http.Request) *util.Environ {
	e := util.NewEnviron()
	addRemote(e, r.RemoteAddr)
	addRequestLine(e, cmp.Or(r.Method, http.MethodGet), r.RequestURI, r.Proto)
	e.Add("HTTP_HOST", r.Host)
	for name, variable := range map[string]string{"Referer": "HTTP_REFERER", "User-Agent": "HTTP_USER_AGENT"} {
		if value := r.Header.Get(name); value != "" {
			e.Add(variable, value)
		}
	}
	return e
}

// mostLogged bounds a request target in an access log, in bytes. The target of a 414 may have
// megabytes.
const mostLogged = 1 << 10

func addRequestLine(e *util.Environ, method, target, protocol string) {
	e.Add("REQUEST_METHOD", method)
	e.Add("REQUEST_URI", target[:min(len(target), mostLogged)])
	e.Add("SERVER_PROTOCOL", protocol)
}

// requestLine keeps the beginning of a request's head, to describe a request that net/http refuses.
// The zero value is ready for the first request of a connection.
type requestLine struct {
	active  bool                   // otherwise nothing is kept, and no answer is looked at
	app     gateway.App            // whose fields an answer of net/http gets too
	refused func(*gateway.Refusal) // may be nil

	mu      sync.Mutex // net/http reads in another goroutine while a handler runs
	handled bool       // a handler has the request, or refused was called for it
	kept    []byte
	ahead   []byte // the first byte of the next request
}

// noteRead keeps bytes that were read into a buffer of size room. While a handler runs, net/http
// reads a single byte, to notice when the client closes.
func (l *requestLine) noteRead(p []byte, room int) {
	if !l.active {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case room == 1:
		l.ahead = append(l.ahead[:0], p...)
	case !l.handled:
		const most = mostLogged + 64 // with the method and the protocol
		l.kept = append(l.kept, p[:min(len(p), most-len(l.kept))]...)
	}
}

// noteHandled notes that a handler has the request.
func (l *requestLine) noteHandled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handled = true
}

// reset prepares l for the next request of the connection.
func (l *requestLine) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handled = false
	l.kept, l.ahead = append(l.kept[:0], l.ahead...), l.ahead[:0]
}

// noteWritten returns the bytes to write in place of p: if p is an answer of net/http itself, with
// the fields of all responses, after refused was called.
func (l *requestLine) noteWritten(p []byte, remote func() net.Addr) []byte {
	if !l.active {
		return p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handled {
		return p
	}
	l.handled = true
	head, body, ok := bytes.Cut(p, []byte("\r\n\r\n"))
	version, status, isStatus := strings.Cut(string(head[:min(len(head), len("HTTP/1.1 400"))]), " ")
	code, err := strconv.Atoi(status)
	if !ok || !isStatus || err != nil || !strings.HasPrefix(version, "HTTP/") {
		return p
	}
	r := refusedRequest(util.NewEnviron())
	addRemote(r.Environ, remote().String())
	if method, target, protocol, ok := l.parse(); ok {
		addRequestLine(r.Environ, method, target, protocol)
	}
	own := headers.New()
	gateway.SetOwnFields(own, l.app, r)
	if l.refused != nil {
		reason := errors.New("httpapp: net/http refused the request")
		if len(body) > 0 {
			reason = fmt.Errorf("%w: %.256s", reason, body)
		}
		l.refused(&gateway.Refusal{Request: r, Status: code, Bytes: int64(len(body)), Err: reason})
	}
	if own.Len() == 0 {
		return p
	}
	return slices.Concat(replaceFields(head, own), []byte("\r\n"), body)
}

// replaceFields returns a head of net/http, without its blank line, with own in place of the fields
// of the same names.
func replaceFields(head []byte, own *headers.Headers) []byte {
	var b []byte
	for i, line := range bytes.Split(head, []byte("\r\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if i == 0 || !own.Has(string(name)) {
			b = append(append(b, line...), "\r\n"...)
		}
	}
	return own.AppendTo(b)
}

// parse returns the three words of the request line. The last may be missing if the line was cut.
func (l *requestLine) parse() (method, target, protocol string, ok bool) {
	line, _, whole := bytes.Cut(l.kept, []byte("\n"))
	words := strings.Split(strings.TrimSuffix(string(line), "\r"), " ")
	if len(words) != 3 && !(len(words) == 2 && !whole) {
		return "", "", "", false
	}
	if len(words) == 2 {
		words = append(words, "")
	}
	return words[0], words[1], words[2], true
}
