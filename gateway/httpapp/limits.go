package httpapp

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// maxTarget bounds the request target, in bytes: the 65,536 of wsgiref's request line.
const maxTarget = 64 << 10

// limitError is the reason to refuse a request whose head is too large.
type limitError struct {
	status      int
	what        string
	count, most int
}

func (e *limitError) Error() string {
	return fmt.Sprintf("httpapp: %s: %d, limit %d", e.what, e.count, e.most)
}

// checkHead checks the head of r against maxTarget and mostFields. A negative mostFields is no
// bound.
func checkHead(r *http.Request, mostFields int) error {
	if n := len(r.RequestURI); n > maxTarget {
		return &limitError{http.StatusRequestURITooLong, "bytes of the request target", n, maxTarget}
	}
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if mostFields >= 0 && fields > mostFields {
		return &limitError{http.StatusRequestHeaderFieldsTooLarge, "fields of the request", fields, mostFields}
	}
	return nil
}

const busyText = "The server is busy. Try again later."

// refuseBusy answers a connection above MaxConns, under the deadline that package transport has
// set. It reads the request, since otherwise the close would be a reset and the client would lose
// the answer.
func (s *Server) refuseBusy(nc net.Conn) {
	h := headers.New(
		headers.Field{Name: "Connection", Value: "close"},
		headers.Field{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		headers.Field{Name: "Content-Length", Value: strconv.Itoa(len(busyText) + 1)},
	)
	gateway.SetOwnFields(h, s.App, refusedRequest(util.NewEnviron()))
	if _, err := io.WriteString(nc, "HTTP/1.1 503 Service Unavailable\r\n"+h.String()+busyText+"\n"); err != nil {
		return
	}
	if w, ok := nc.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, nc, lingerBytes)
}
