package cgi_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
)

func hello(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Headers().Set("Content-Type", "text/plain")
	_, err := fmt.Fprintf(w, "Hello, %s!\n", r.Environ.Get("QUERY_STRING"))
	return err
}

// The main function of a CGI program. The web server started it, so that the request is in its
// environment.
func ExampleServe() {
	main := func() {
		if err := cgi.Serve(gateway.AppFunc(hello)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	_ = main
	// To try a program in a shell:
	//
	//	REQUEST_METHOD=GET QUERY_STRING=world ./program
}

// A program that is a CGI script if a web server starts it, and does other work otherwise.
func ExampleServe_otherwise() {
	err := cgi.Serve(gateway.AppFunc(hello))
	if errors.Is(err, cgi.ErrNotCGI) {
		fmt.Println("no CGI script: reading the arguments")
	}
	// Output: no CGI script: reading the arguments
}
