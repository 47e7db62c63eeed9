package httpapp

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// sendFields hands the handler's fields to the gateway, sorted: a map has no order, and the same
// response should have the same bytes. What the gateway would refuse and net/http repair is
// repaired here.
func (w *responseWriter) sendFields() {
	header := w.Header()
	w.declareLength(header)
	fields := w.out.Headers()
	for _, field := range fields.Items() {
		fields.Del(field.Name) // it is in header, unless the handler took it out
	}
	var room [24]string
	names, connection := room[:0], ""
	for name, values := range header {
		names = append(names, name)
		if strings.EqualFold(name, "Connection") {
			connection += strings.Join(values, ",") + ","
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if sendable(name) && !util.IsConnectionOption(connection, name) {
			addValues(fields, name, header[name])
		}
	}
	if w.declared != unknownLength {
		_ = fields.Add("Content-Length", strconv.FormatInt(w.declared, 10)) // digits are valid
	}
	w.sniffer.open = w.sniffs(header)
}

// declareLength reads the handler's Content-Length. One that is no number is reported and ignored,
// as in net/http.
func (w *responseWriter) declareLength(header http.Header) {
	w.declared = unknownLength
	value := header.Get("Content-Length")
	if value == "" {
		return
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		fmt.Fprintf(w.request.Stderr, "httpapp: invalid Content-Length of %.64q\n", value)
		return
	}
	w.declared = n
}

// sendable leaves out what the gateway would refuse: hop-by-hop fields and names that are no token,
// which a trailer's key with http.TrailerPrefix is not; and Status, which CGI has another meaning
// for. Content-Length is added apart, once.
func sendable(name string) bool {
	return !util.IsHopByHop(name) && !strings.EqualFold(name, "Status") && !strings.EqualFold(name, "Content-Length") &&
		validName(name)
}

func addValues(fields *headers.Headers, name string, values []string) {
	for _, value := range values {
		_ = fields.Add(name, spaceControls(value)) // neither can be refused any more
	}
}

// spaceControls replaces control characters by spaces. net/http does so for CR and LF alone; the
// others no client takes (RFC 9110 section 5.5).
func spaceControls(value string) string {
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	if strings.IndexFunc(value, control) < 0 {
		return value
	}
	b := []byte(value)
	for i, c := range b {
		if control(rune(c)) {
			b[i] = ' '
		}
	}
	return string(b)
}

// statusLine returns the status with the reason that net/http sends.
func statusLine(code int) string {
	if code == http.StatusOK {
		return "200 OK" // an allocation less for most responses
	}
	number := strconv.Itoa(code)
	reason := http.StatusText(code)
	if reason == "" {
		reason = "status code " + number
	}
	return number + " " + reason
}

// bodyAllowed is the gateway's rule: net/http lets a handler write to a 205 too.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}
