package fastcgi_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// ExampleClient calls a FastCGI application, as it would call php-fpm.
func ExampleClient() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go fastcgi.Serve(l, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		body, err := io.ReadAll(r.Stdin)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s was sent %q", r.Environ.Get("SCRIPT_NAME"), body)
		return err
	}))

	// A server of this package binds no worker to a connection, so that keeping one costs it
	// nothing and saves a new one each time.
	backend := &fastcgi.Client{Addr: l.Addr().String(), MaxIdleConns: 8}
	defer backend.Close()
	resp, err := backend.RoundTrip(&gateway.Request{
		Environ: util.EnvironFromMap(map[string]string{
			"REQUEST_METHOD":  "POST",
			"SERVER_PROTOCOL": "HTTP/1.1",
			"SCRIPT_NAME":     "/echo",
			"CONTENT_LENGTH":  "5",
		}),
		Stdin: strings.NewReader("hello"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, string(body), err)
	// Output: 200 OK /echo was sent "hello" <nil>
}

// ExampleClient_Values finds out whether connections may be kept: an application that answers
// several requests at the same time binds no worker to a connection.
func ExampleClient_Values() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go fastcgi.Serve(l, gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil }))

	// not every application answers
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	values, err := (&fastcgi.Client{Addr: l.Addr().String()}).Values(ctx, "FCGI_MPXS_CONNS")
	if err != nil {
		fmt.Println(err)
		return
	}
	backend := &fastcgi.Client{Addr: l.Addr().String()}
	if values["FCGI_MPXS_CONNS"] == "1" {
		backend.MaxIdleConns = 64
	}
	fmt.Println("connections that are kept:", backend.MaxIdleConns)
	// Output: connections that are kept: 64
}

// ExampleClient_phpFPM is a web server in Go that calls a php-fpm with two addresses. The pool of
// php-fpm has 20 processes. No connection is kept, because it would occupy a process even while
// another request waits for one.
func ExampleClient_phpFPM() {
	backend := &fastcgi.Client{
		Addr:             "unix:/run/php/php8.2-fpm.sock",
		Fallback:         []string{"10.0.0.2:9000"},
		MaxConns:         20,
		WaitTimeout:      5 * time.Second,
		FirstByteTimeout: 30 * time.Second,
	}
	script := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		// the only variable that php-fpm needs in addition
		r.Environ.Set("SCRIPT_FILENAME", "/srv/www/index.php")
		return gateway.Forward(backend).ServeGateway(w, r)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", httpapp.Handler(script)))
}
