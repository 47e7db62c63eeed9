// Command cgikit is the hello app as a CGI program on cgikit.
package main

import (
	"fmt"
	"os"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
)

func main() {
	if err := cgi.Serve(gateway.AppFunc(hello)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func hello(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Headers().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("Hello, world!\n"))
	return err
}
