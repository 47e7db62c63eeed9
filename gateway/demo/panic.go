package demo

import (
	"io"

	"github.com/cgikit/cgikit/gateway"
)

// lateText is the part of the broken response that is sent.
const lateText = `These lines were sent before the application panicked.

The head said 200 OK and cannot be taken back. So the gateway breaks the transfer, and the web server
passes that on: a browser may show these lines, but its network log says that the response is not
complete; curl ends with status 18, and a download is marked as failed.
`

// servePanic fails on purpose, before the head is committed or after it.
func servePanic(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("QUERY_STRING") != "late" {
		panic("demo: a deliberate panic before the head")
	}
	if err := startResponse(w, "200 OK", textFields()...); err != nil {
		return err
	}
	if _, err := io.WriteString(w, lateText); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	panic("demo: a deliberate panic after the first bytes")
}
