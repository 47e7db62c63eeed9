package nethttp_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// In nginx: location / { include fastcgi_params; fastcgi_pass 127.0.0.1:9000; }
func ExampleServe() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go nethttp.Serve(l, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		// net/http/fcgi hides SCRIPT_NAME from its handler.
		_, err := fmt.Fprintln(w, "hello from", r.Environ.Get("SCRIPT_NAME"))
		return err
	}))

	client := &fastcgi.Client{Addr: l.Addr().String()}
	defer client.Close()
	resp, err := client.RoundTrip(&gateway.Request{Environ: util.EnvironFromList([]string{
		"REQUEST_METHOD=GET", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_URI=/app/list", "SCRIPT_NAME=/app", "PATH_INFO=/list",
	})})
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s", resp.Status, body)
	// Output: 200 OK: hello from /app
}

// A Server with limits, which a program may shut down.
func ExampleServer() {
	server := &nethttp.Server{
		App:            httpapp.New(http.FileServer(http.Dir("/srv/www"))),
		Addr:           "unix:/run/app.sock?mode=0660&group=www-data",
		RequestTimeout: 30 * time.Second,
		MaxBodyBytes:   10 << 20,
	}
	if err := server.ListenAndServe(); !errors.Is(err, nethttp.ErrServerClosed) {
		log.Fatal(err)
	}
}

// The short form listens on one address until that fails.
func ExampleListenAndServe() {
	app := httpapp.New(http.FileServer(http.Dir("/srv/www")))
	log.Fatal(nethttp.ListenAndServe(nethttp.DefaultAddr, app))
}
