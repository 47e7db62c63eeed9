package demo

import (
	"io"
	"net/url"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

const (
	// maxForm limits how much of a body is read, in bytes, since the page is built in memory.
	maxForm = 64 << 10

	// maxFields limits how many fields the page shows, since a field may be as short as "&".
	maxFields = 100
)

// submission is the data of a submitted form.
type submission struct {
	ContentType string
	Bytes       int
	Fields      []variable
	More        int    // fields that are not shown
	Raw         string // the body, if it has another type
}

func serveForm(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_METHOD") != "POST" {
		return writePage(w, r, "200 OK", page{Name: "form", Title: "A form"})
	}
	body, err := io.ReadAll(io.LimitReader(r.Stdin, maxForm+1))
	if err != nil {
		return err
	}
	if len(body) > maxForm {
		return writePage(w, r, "413 Content Too Large", page{
			Name: "problem", Title: "Too much", Text: "This form accepts at most 64 KiB.",
		})
	}
	return writePage(w, r, "200 OK", page{Name: "form", Title: "What arrived", Data: parseForm(r.Environ.Get("CONTENT_TYPE"), string(body))})
}

// parseForm parses the body as the form-urlencoded parser of the URL Standard does (section 5.1),
// and keeps the order of the fields.
func parseForm(contentType, body string) *submission {
	s := &submission{ContentType: contentType, Bytes: len(body)}
	kind, _, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		s.Raw = body
		return s
	}
	for pair := range strings.SplitSeq(body, "&") {
		switch {
		case pair == "":
		case len(s.Fields) == maxFields:
			s.More++
		default:
			name, value, _ := strings.Cut(pair, "=")
			s.Fields = append(s.Fields, variable{unescape(name), unescape(value)})
		}
	}
	return s
}

// unescape decodes s. It returns malformed text unchanged, so that the page shows what was sent.
func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}
