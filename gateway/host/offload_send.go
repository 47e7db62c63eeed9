package host

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
)

// offload is a response whose body is a file.
type offload struct {
	status string
	fields *headers.Headers // fields for the client
	ranges string           // Content-Range of the application
	file   *os.File
	info   os.FileInfo
}

// sendFile answers with file in place of the response's body. The status of the application is
// kept. For a 200 to a GET or HEAD, net/http answers range and conditional requests.
func sendFile(w gateway.ResponseWriter, r *gateway.Request, resp *gateway.Response, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	o := &offload{fields: headers.New(), ranges: resp.Headers.Get("Content-Range"), file: file, info: info}
	if err := o.describe(resp); err != nil {
		return err
	}
	method := r.Environ.Get("REQUEST_METHOD")
	if strings.HasPrefix(o.status, "200") && (method == "GET" || method == "HEAD") {
		return httpapp.New(o).ServeGateway(w, r)
	}
	return o.send(w)
}

// describe makes the head for the file from the head of resp. It removes fields that the client
// must not get, and fields that describe the body which is not sent.
func (o *offload) describe(resp *gateway.Response) (err error) {
	for _, name := range resp.Headers.Keys() {
		if isServerField(name) || isInternal(name) || describesBody(name, resp.Headers.Get(name)) {
			resp.Headers.Del(name)
		}
	}
	if resp.Headers.Get("Location") == "" {
		// the head may have only the name of the file
		resp.Status = cmp.Or(resp.Status, "200 OK")
	}
	if o.status, _, err = resp.Final(o.fields); err != nil {
		return err
	}
	if o.fields.Get("Content-Type") == "" {
		_ = o.fields.Set("Content-Type", contentType(o.file.Name())) // valid fields
		_ = o.fields.Set("X-Content-Type-Options", "nosniff")
	}
	return nil
}

// describesBody reports whether a field describes the bytes of the application's body. ETag and
// Last-Modified do not: an application that sets them means the file, and clients use them in
// conditional requests.
func describesBody(name, value string) bool {
	switch strings.ToLower(name) {
	case "content-length", "content-range", "content-encoding", "transfer-encoding",
		"content-md5", "content-digest", "repr-digest", "digest":
		return true
	case "content-type":
		return hasPrefixFold(value, "multipart/byteranges")
	}
	return false
}

// ServeHTTP implements http.Handler.
func (o *offload) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range o.fields.All() {
		w.Header().Add(name, value)
	}
	if o.fields.Get("Etag") == "" {
		w.Header().Set("Etag", etag(o.info.ModTime(), o.info.Size(), ""))
	}
	http.ServeContent(w, r, "", o.info.ModTime(), o.file)
}

// send sends the file without regard to the conditions of the request: the whole file, or for a 206
// the range that the application chose.
func (o *offload) send(w gateway.ResponseWriter) error {
	first, length := int64(0), o.info.Size()
	if strings.HasPrefix(o.status, "206") {
		first, length = o.selectRange()
	}
	if _, err := o.file.Seek(first, io.SeekStart); err != nil {
		return err
	}
	_ = o.fields.Set("Content-Length", strconv.FormatInt(length, 10)) // a valid field
	for name, value := range o.fields.All() {
		if err := w.Headers().Add(name, value); err != nil {
			return err
		}
	}
	if err := w.Start(o.status); err != nil {
		return err
	}
	_, err := io.CopyN(w, o.file, length)
	return err
}

// selectRange returns the range of the file that the Content-Range of a 206 names, and sets the
// Content-Range. If it is malformed or not in the file, selectRange selects the whole file. For an
// empty file, which has no range, the status becomes 200.
func (o *offload) selectRange() (first, length int64) {
	size := o.info.Size()
	first, length, ok := parseContentRange(o.ranges, size)
	switch {
	case !ok && size == 0:
		o.status = "200 OK"
		return 0, 0
	case !ok:
		first, length = 0, size
	}
	value := fmt.Sprintf("bytes %d-%d/%d", first, first+length-1, size)
	_ = o.fields.Set("Content-Range", value) // a valid field
	return first, length
}

// parseContentRange parses "bytes 0-4/10" or "bytes 0-4/*" (RFC 9110 section 14.4). ok is false if
// a file of this size does not have the range.
func parseContentRange(value string, size int64) (first, length int64, ok bool) {
	value, isBytes := strings.CutPrefix(value, "bytes ")
	span, total, _ := strings.Cut(value, "/")
	from, to, _ := strings.Cut(span, "-")
	start, err1 := strconv.ParseUint(from, 10, 63)
	end, err2 := strconv.ParseUint(to, 10, 63)
	fits := total == "*" || total == strconv.FormatInt(size, 10)
	if !isBytes || err1 != nil || err2 != nil || !fits || start > end || int64(end) >= size {
		return 0, 0, false
	}
	return int64(start), int64(end-start) + 1, true
}
