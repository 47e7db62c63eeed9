package httpapp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// The equivalent of make_server("", 8000, demo_app).serve_forever() of wsgiref. It returns only if
// it fails.
func ExampleListenAndServe() {
	main := func() {
		log.Fatal(httpapp.ListenAndServe("http://127.0.0.1:8000", demo.App()))
	}
	_ = main
}

// A server that answers one request and then does other work, as with wsgiref's handle_request.
func ExampleServer_HandleRequest() {
	s := &httpapp.Server{App: demo.App()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	answered := make(chan error)
	go func() { answered <- s.HandleRequest(l) }()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(resp.Status, resp.Close, <-answered)
	// Output: 200 OK true <nil>
}

// Variables for every request, such as a setting of the application, as in wsgiref's base_environ.
func ExampleServer_baseEnviron() {
	s := &httpapp.Server{
		App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := fmt.Fprint(w, r.Environ.Get("APP_MODE"), " ", r.Environ.Get("REQUEST_METHOD"))
			return err
		}),
		BaseEnviron: util.EnvironFromList([]string{"APP_MODE=staging", "REQUEST_METHOD=none"}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	answered := make(chan error)
	go func() { answered <- s.HandleRequest(l) }()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Printf("%s %v\n", body, <-answered)
	// Output: staging GET <nil>
}

// A server with limits and a graceful shutdown.
func ExampleServer() {
	s := &httpapp.Server{
		App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := fmt.Fprintf(w, "Hello from %s, at %s", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"))
			return err
		}),
		Mount:          "/app",
		MaxBodyBytes:   1 << 20,
		MaxConns:       1000,
		IdleTimeout:    time.Minute,
		RequestTimeout: time.Minute,
	}
	// a program without this example's need of the port calls ListenAndServe
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()

	resp, err := http.Get("http://" + l.Addr().String() + "/app/here")
	if err != nil {
		log.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Printf("%s\n", body)

	// Usually at a signal: wait for the requests under way, for 10 seconds at most.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		s.Close()
	}
	fmt.Println(errors.Is(<-served, httpapp.ErrServerClosed))
	// Output:
	// Hello from /app, at /here
	// true
}
