//go:build linux

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway"
)

// engine is what both engines of FastCGI can do.
type engine interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

func newServer(app gateway.App) engine { return &fastcgi.Server{App: app} }

func newNethttpServer(app gateway.App) engine { return &nethttp.Server{App: app} }

// newRolesServer has something for each role: one that nobody answers is refused.
func newRolesServer() engine {
	return &fastcgi.Server{
		App: gateway.AppFunc(helloApp),
		Authorizer: fastcgi.AuthorizerFunc(func(*gateway.Request) (fastcgi.Decision, error) {
			return fastcgi.Decision{}, nil
		}),
		Filter: fastcgi.FilterFunc(func(w gateway.ResponseWriter, r *gateway.Request, _ *fastcgi.Data) error {
			return helloApp(w, r)
		}),
	}
}

const hello = "hello\n"

func helloApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "text/plain"); err != nil {
		return err
	}
	_, err := io.WriteString(w, hello)
	return err
}

// helloHandler says its Content-Length, so that no server has to find it out and nginx need not
// make chunks.
func helloHandler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(hello)))
	io.WriteString(w, hello)
}

// streamSize is what streamApp answers, in all.
const streamSize = 16 << 20

// streamApp sends back a body, or 16 MB in blocks of 32 KiB.
func streamApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
		return err
	}
	if r.Environ.Get("REQUEST_METHOD") == "POST" {
		_, err := io.Copy(w, r.Stdin)
		return err
	}
	block := make([]byte, 32<<10)
	for range streamSize / len(block) {
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

func fileApp(path string) gateway.App {
	return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		return err
	})
}

// patientApp leaves a body unread until its request is given up.
func patientApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_METHOD") == "POST" {
		<-r.Context().Done()
	}
	return helloApp(w, r)
}

// patientHandler is the same where no context ends: net/http/fcgi's lasts until the process does.
func patientHandler(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		select {}
	}
	helloHandler(w, r)
}
