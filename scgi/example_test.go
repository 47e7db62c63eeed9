package scgi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// greet is the application of the examples.
func greet(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "text/plain; charset=utf-8"); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Hello, %s!\n", r.Environ.Get("QUERY_STRING"))
	return err
}

// ask calls the application at addr and prints the body of its answer.
func ask(addr string) {
	resp, err := (&scgi.Client{Addr: addr}).RoundTrip(&gateway.Request{
		Environ: util.EnvironFromList([]string{"REQUEST_METHOD=GET", "QUERY_STRING=world"}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", body)
}

// In nginx: location / { include scgi_params; scgi_pass 127.0.0.1:4000; }
func ExampleServe() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go scgi.Serve(l, gateway.AppFunc(greet))
	defer l.Close()

	ask(l.Addr().String())
	// Output: Hello, world!
}

func ExampleServer_Shutdown() {
	s := &scgi.Server{App: gateway.AppFunc(greet), MaxConns: 1000, RequestTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()

	ask(l.Addr().String())

	// Usually at a signal: let the requests under way end, for 10 seconds at most.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		s.Close()
	}
	fmt.Println(errors.Is(<-served, gateway.ErrServerClosed))
	// Output:
	// Hello, world!
	// true
}

// An application that hands its requests on to another one over SCGI.
func ExampleClient() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go scgi.Serve(l, gateway.AppFunc(greet))

	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer front.Close()
	go scgi.Serve(front, gateway.Forward(&scgi.Client{Addr: l.Addr().String()}))

	ask("scgi://" + front.Addr().String())
	// Output: Hello, world!
}

// ExampleClient_fallback calls an application of which two copies run, and lets ten requests at a
// time through.
func ExampleClient_fallback() {
	backend := &scgi.Client{
		Addr:        "scgi+unix:/run/app.sock",
		Fallback:    []string{"10.0.0.2:4000"},
		MaxConns:    10,
		WaitTimeout: 5 * time.Second,
	}
	defer backend.Close()
	log.Fatal(scgi.ListenAndServe("127.0.0.1:4000", gateway.Forward(backend)))
}
