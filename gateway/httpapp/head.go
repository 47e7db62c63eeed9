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

// sendFields passes the handler's fields to the gateway, sorted, so that the same response always
// has the same bytes. It repairs what net/http would repair and the gateway would refuse.
func (w *responseWriter) sendFields() {
	header := w.Header()
	w.declareLength(header)
	fields := w.out.Headers()
	for _, field := range fields.Items() {
		fields.Del(field.Name) // header has the field, unless the handler deleted it
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
		if isSendable(name) && !util.IsConnectionOption(connection, name) {
			addValues(fields, name, header[name])
		}
	}
	if w.declared != unknownLength {
		_ = fields.Add("Content-Length", strconv.FormatInt(w.declared, 10)) // digits are valid
	}
	w.sniffer.active = w.needsSniffing(header)
}

// declareLength parses the handler's Content-Length. One that is not a number is reported and
// ignored, as in net/http.
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

// isSendable returns false for fields that the gateway would refuse: hop-by-hop fields, and names
// that are not valid tokens, such as a key with http.TrailerPrefix. It also returns false for
// Status, which has another meaning in CGI, and for Content-Length, which sendFields adds once.
func isSendable(name string) bool {
	return !util.IsHopByHop(name) && !strings.EqualFold(name, "Status") && !strings.EqualFold(name, "Content-Length") &&
		validName(name)
}

func addValues(fields *headers.Headers, name string, values []string) {
	for _, value := range values {
		_ = fields.Add(name, spaceControls(value)) // cannot fail: name and value are valid
	}
}

// spaceControls replaces control characters by spaces. net/http does so for CR and LF only, but no
// client accepts the others (RFC 9110 section 5.5).
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
		return "200 OK" // saves an allocation for most responses
	}
	number := strconv.Itoa(code)
	reason := http.StatusText(code)
	if reason == "" {
		reason = "status code " + number
	}
	return number + " " + reason
}

// bodyAllowed follows the gateway's rule. net/http allows a body in a 205 too.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}
