package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// ExampleServe answers one request that a web server sends.
func ExampleServe() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go fastcgi.Serve(l, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		_, err := fmt.Fprintln(w, "hello from", r.Environ.Get("SCRIPT_NAME"))
		return err
	}))
	defer l.Close()

	// The variables that nginx sends for a GET of /app.
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	io.WriteString(nc, head(1, 0, "REQUEST_METHOD", "GET", "SCRIPT_NAME", "/app")+rec(typeStdin, 1, ""))
	var h [wire.HeaderSize]byte
	io.ReadFull(nc, h[:])
	first, err := wire.ParseHeader(h)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := io.ReadAll(io.LimitReader(nc, int64(first.ContentLength)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(string(response), "\r", ""))
	// Output:
	// Status: 200 OK
	// Content-Type: text/plain
	// Content-Length: 16
	//
	// hello from /app
}

// ExampleServer_Shutdown ends the program on the first interrupt, when the requests under way are
// answered.
func ExampleServer_Shutdown() {
	server := &fastcgi.Server{
		App:            gateway.AppFunc(hello),
		Addr:           "unix:/run/app.sock?mode=0660&group=www-data",
		RequestTimeout: 30 * time.Second,
		MaxBodyBytes:   10 << 20,
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	done := make(chan error)
	go func() {
		<-ctx.Done()
		stop() // a second interrupt ends the program at once
		patience, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		done <- server.Shutdown(patience)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, fastcgi.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := <-done; err != nil {
		fmt.Fprintln(os.Stderr, "requests were cut off:", err)
		os.Exit(1)
	}
}
