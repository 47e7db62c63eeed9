package nethttp

import (
	"net/http"
	"strconv"

	"github.com/cgikit/cgikit/headers"
)

// stdout writes the response to net/http/fcgi, which buffers 64 KiB of it.
type stdout struct {
	w       http.ResponseWriter
	request *request
}

// WriteHead implements gateway.HeadWriter. net/http/fcgi sends the head together with the first
// bytes of the body, or at the end.
func (o stdout) WriteHead(status string, fields *headers.Headers) error {
	o.request.headSet = true
	h := o.w.Header()
	h["Content-Type"] = nil // prevents net/http/fcgi from guessing one from the body
	for name, value := range fields.All() {
		key := name
		if canonical := http.CanonicalHeaderKey(name); canonical == "Content-Type" || canonical == "Date" {
			key = canonical // net/http/fcgi looks for this key
		}
		h[key] = append(h[key], value)
	}
	code, err := strconv.Atoi(status[:3])
	o.w.WriteHeader(code)
	return err
}

// Write implements io.Writer.
func (o stdout) Write(p []byte) (int, error) { return o.w.Write(p) }

// Flush implements gateway.Flusher. An empty Write makes net/http/fcgi send its head, and returns
// the error of its buffer, which http.Flusher does not return.
func (o stdout) Flush() error {
	o.w.Write(nil)
	o.w.(http.Flusher).Flush()
	_, err := o.w.Write(nil)
	return err
}
