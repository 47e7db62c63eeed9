package gatewaytest_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/util"
)

// serveToy answers a connection of the toy protocol. A request is a number, a line feed, so many
// bytes of lines "name=value", and the body, which ends when the caller closes its writing side.
// The response is a CGI response, which ends when we close ours. A reset means that the response is
// not complete.
func serveToy(c *net.TCPConn, app gateway.App) {
	defer c.Close()
	in, length := bufio.NewReader(c), int64(0)
	if _, err := fmt.Fscanf(in, "%d\n", &length); err != nil || length < 0 || length > 256<<10 {
		return
	}
	block := make([]byte, length)
	if _, err := io.ReadFull(in, block); err != nil {
		return
	}
	h := gateway.BaseCGIHandler{Environ: util.NewEnviron(), Stdin: in, StdinStream: true, Stdout: c, Stderr: io.Discard, Multithread: true}
	for line := range strings.Lines(string(block)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		h.Environ.Add(name, value)
	}
	if err := h.Run(context.Background(), app); err != nil {
		c.SetLinger(0)
		return
	}
	c.CloseWrite()
	io.Copy(io.Discard, in) // closing with unread bytes would be a reset too
}

// toyBackend calls the application at an address.
type toyBackend string

func (address toyBackend) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	nc, err := net.Dial("tcp", string(address))
	if err != nil {
		return nil, &gateway.BackendError{Reason: "the toy cannot be reached", Err: err}
	}
	c, block := nc.(*net.TCPConn), bytes.Buffer{}
	for name, value := range r.Environ.All() {
		fmt.Fprintf(&block, "%s=%s\n", name, value)
	}
	fmt.Fprintf(c, "%d\n%s", block.Len(), block.String())
	body := io.Reader(strings.NewReader(""))
	if r.Stdin != nil {
		body = r.Stdin
	}
	go func() {
		if _, err := io.Copy(c, body); err != nil {
			c.SetLinger(0) // half a body must not look complete
			c.Close()
		}
		c.CloseWrite()
	}()
	return gateway.ReadResponse(c, 256<<10)
}

// toy is the toy under test. A test of it is one call: gatewaytest.Run(t, toy).
var toy = gatewaytest.Transport{
	Start: func(t testing.TB, app gateway.App) string {
		address, stop := listenToy(app)
		t.Cleanup(stop)
		return gatewaytest.FrontEnd(t, toyBackend(address), "/app")
	},
	Exclusions: []gatewaytest.Exclusion{{
		Case:   "gone-while-silent",
		Reason: "the toy protocol has no message for it: after the end of the body, a caller that went away looks like one that waits",
	}},
}

func listenToy(app gateway.App) (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go serveToy(c.(*net.TCPConn), app)
		}
	}()
	return l.Addr().String(), func() { l.Close() }
}

// A new transport, with its protocol and its test.
func Example() {
	address, stop := listenToy(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		_, err := fmt.Fprintf(w, "hello, %s", r.Environ.Get("QUERY_STRING"))
		return err
	}))
	defer stop()
	environ := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "QUERY_STRING": "toy"})
	resp, err := toyBackend(address).RoundTrip(&gateway.Request{Environ: environ})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%s\n%s, %v\n", resp.Status, body, err)
	// Output:
	// 200 OK
	// hello, toy, <nil>
}
