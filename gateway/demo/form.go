package demo

import (
	"io"
	"net/url"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

const (
	// maxForm bounds how much of a body is read, in bytes. The page is made in memory.
	maxForm = 64 << 10

	// maxFields bounds how many fields the page shows: "&" alone separates two.
	maxFields = 100
)

// submission is what arrived of a form.
type submission struct {
	ContentType string
	Bytes       int
	Fields      []variable
	More        int    // fields that are not shown
	Raw         string // the body of another type
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
			Name: "problem", Title: "Too much", Text: "This form takes 64 KiB at most.",
		})
	}
	return writePage(w, r, "200 OK", page{Name: "form", Title: "What arrived", Data: received(r.Environ.Get("CONTENT_TYPE"), string(body))})
}

// received takes the body apart, as the form-urlencoded parser of the URL Standard does it (section
// 5.1), in the order it was sent in.
func received(contentType, body string) *submission {
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

// unescape leaves alone what is not encoded right: the reader is to see what was sent.
func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}
