package nethttp

import (
	"net/http"
	"strconv"

	"github.com/cgikit/cgikit/headers"
)

// stdout is the response on its way through net/http/fcgi, which buffers 64 KiB of it.
type stdout struct {
	w       http.ResponseWriter
	request *request
}

// WriteHead implements gateway.HeadWriter. net/http/fcgi sends the head with the first bytes of the
// body, or with the end.
func (o stdout) WriteHead(status string, fields *headers.Headers) error {
	o.request.headSet = true
	h := o.w.Header()
	h["Content-Type"] = nil // else net/http/fcgi would look at the body for one
	for name, value := range fields.All() {
		key := name
		if canonical := http.CanonicalHeaderKey(name); canonical == "Content-Type" || canonical == "Date" {
			key = canonical // by which net/http/fcgi looks for it
		}
		h[key] = append(h[key], value)
	}
	code, err := strconv.Atoi(status[:3])
	o.w.WriteHeader(code)
	return err
}

// Write implements io.Writer.
func (o stdout) Write(p []byte) (int, error) { return o.w.Write(p) }

// Flush implements gateway.Flusher. Writing nothing makes net/http/fcgi send its head, and gives
// the error of its buffer, which http.Flusher does not.
func (o stdout) Flush() error {
	o.w.Write(nil)
	o.w.(http.Flusher).Flush()
	_, err := o.w.Write(nil)
	return err
}
