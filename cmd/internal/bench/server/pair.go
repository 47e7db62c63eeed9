package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// servePair serves by one protocol and asks by another. args are the protocol that it serves by,
// the kind of target, and the target's address.
func servePair(l net.Listener, args []string) error {
	app, err := targetApp(args[1], args[2])
	if err != nil {
		return err
	}
	switch args[0] {
	case "http":
		return http.Serve(l, httpapp.Handler(app))
	case "fastcgi":
		return (&fastcgi.Server{App: app}).Serve(l)
	default:
		return (&scgi.Server{App: app}).Serve(l)
	}
}

func targetApp(kind, addr string) (gateway.App, error) {
	h := &host.Handler{}
	switch kind {
	case "local":
		return gateway.AppFunc(transferApp), nil
	case "cgi":
		self, err := os.Executable()
		h.Backend = &cgi.Script{Path: self}
		return h, err
	case "fastcgi":
		// A dial costs nothing beside 1 GB, so no connection is kept.
		h.Backend = &fastcgi.Client{Addr: "unix:" + addr}
	default:
		h.Backend = &scgi.Client{Addr: "unix:" + addr}
	}
	return h, nil
}

// Script runs this program as the CGI script of a pair whose target is "cgi".
func Script() error { return cgi.Serve(gateway.AppFunc(transferApp)) }

// transferApp answers the number of bytes of a body, or sends as many as the query says.
func transferApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
		return err
	}
	if r.Environ.Get("REQUEST_METHOD") == "POST" {
		n, err := io.Copy(io.Discard, r.Stdin)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(w, n)
		return err
	}
	n, err := strconv.ParseInt(r.Environ.Get("QUERY_STRING"), 10, 64)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, Zeros(n))
	return err
}

// Zeros returns a body of so many bytes.
func Zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
