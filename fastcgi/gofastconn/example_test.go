package gofastconn_test

import (
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/gofastconn"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
	"github.com/yookoala/gofast"
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
		_, err := io.WriteString(w, "pong for "+r.Environ.Get("SCRIPT_NAME"))
		return err
	}))

	pool := &fastcgi.Client{Addr: l.Addr().String()}
	defer pool.Close()
	backend := &gofastconn.Client{Pool: pool}
	resp, err := backend.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD":  "GET",
		"SERVER_PROTOCOL": "HTTP/1.1",
		"SCRIPT_NAME":     "/ping",
	})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, string(body), err)
	// Output: 200 OK pong for /ping <nil>
}

// ExampleHandler serves PHP by the handler of gofast, on connections that avoid its faults. No
// connection is kept, because it would occupy a process of php-fpm.
func ExampleHandler() {
	client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}}
	session := gofast.Chain(gofast.BasicParamsMap, gofast.MapHeader)(gofast.BasicSession)
	http.Handle("/", gofastconn.Handler(gofast.NewHandler(session, client.NewClient)))
}
