package host

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// conditional are the variables of the fields with which a client asks for a part of a file, or for
// the file only if it has changed.
var conditional = []string{
	"HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE",
}

// isPlain reports whether the answer is the whole file. http.ServeContent answers all other
// requests; to make an http.Request for it takes longer than all else.
func (c *content) isPlain(r *gateway.Request) bool {
	if c.Mode.IsDir() || c.coding != "" {
		return false
	}
	for _, name := range conditional {
		if _, ok := r.Environ.Lookup(name); ok {
			return false
		}
	}
	return true
}

// send sends the whole file with the head that http.ServeContent would send.
func (c *content) send(w gateway.ResponseWriter, method string) error {
	fields := w.Headers()
	add := func(name, value string) { _ = fields.Add(name, value) } // all are valid fields
	add("Accept-Ranges", "bytes")
	add("Content-Length", strconv.FormatInt(c.Size, 10))
	add("Content-Type", contentType(c.name))
	add("Etag", etag(c.ModTime, c.Size, ""))
	if !c.ModTime.Equal(time.Unix(0, 0)) { // a file without a time, as for http.ServeContent
		add("Last-Modified", c.ModTime.UTC().Format(http.TimeFormat))
	}
	if c.varies {
		add("Vary", "Accept-Encoding")
	}
	add("X-Content-Type-Options", "nosniff")
	if err := w.Start("200 OK"); err != nil || method == "HEAD" {
		return err
	}
	if c.File == nil {
		_, err := w.Write(c.Content)
		return err
	}
	_, err := io.CopyN(w, c.File, c.Size)
	return err
}
