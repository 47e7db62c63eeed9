package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/cgikit/cgikit/cmd/internal/bench/work"
	"github.com/cgikit/cgikit/gateway"
)

func helloApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "text/plain"); err != nil {
		return err
	}
	_, err := io.WriteString(w, work.Hello)
	return err
}

// backendApp answers only requests that a gateway has passed on with the path that the loads send.
func backendApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_URI") != "/app/hello?x=1" {
		return errors.New("not the variables of the request")
	}
	return helloApp(w, r)
}

// helloHandler sets its Content-Length, so that no server has to find it out and nginx need not
// make chunks.
func helloHandler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(work.Hello)))
	io.WriteString(w, work.Hello)
}

// streamApp sends back a body, or as many bytes as the query says.
func streamApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
		return err
	}
	if r.Environ.Get("REQUEST_METHOD") == "POST" {
		_, err := io.Copy(w, r.Stdin)
		return err
	}
	size, err := strconv.ParseInt(r.Environ.Get("QUERY_STRING"), 10, 64)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, Zeros(size))
	return err
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

// patientApp leaves a body unread until its request is aborted.
func patientApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_METHOD") == "POST" {
		<-r.Context().Done()
	}
	return helloApp(w, r)
}

// patientHandler is the same for net/http/fcgi, whose contexts never end.
func patientHandler(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		select {}
	}
	helloHandler(w, r)
}
