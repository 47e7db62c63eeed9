package webserver

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/responder"
)

// answer returns a response with the mount and the path that the application sees, and the length
// of the request's X-Big. Its head is over 60,000 bytes, except behind HAProxy: 2.6.12 crashes when
// such a head arrives in several reads.
func answer(env map[string]string) []byte {
	var b strings.Builder
	b.WriteString("Status: 200 OK\r\nContent-Type: text/plain\r\n")
	length := 6000
	if strings.HasPrefix(env["SERVER_SOFTWARE"], "HAProxy") {
		length = 60
	}
	for i := range 10 {
		fmt.Fprintf(&b, "X-Answer-%d: %s\r\n", i, strings.Repeat("a", length))
	}
	b.WriteString("\r\n")
	fmt.Fprintf(&b, "SCRIPT_NAME=%q PATH_INFO=%q QUERY_STRING=%q HTTP_AUTHORIZATION=%q X-Big: %d "+
		"REMOTE_USER=%q HTTP_HOST=%q HTTP_X_UNDERSCORE=%q TEST_VALUE=%q",
		env["SCRIPT_NAME"], env["PATH_INFO"], env["QUERY_STRING"], env["HTTP_AUTHORIZATION"], len(env["HTTP_X_BIG"]),
		env["REMOTE_USER"], env["HTTP_HOST"], env["HTTP_X_UNDERSCORE"], os.Getenv("TEST_VALUE"))
	return []byte(b.String())
}

// app is the application as a FastCGI or SCGI responder.
var app responder.App = func(variables []responder.Variable) []byte { return answer(responder.Environ(variables)) }

// backend runs the application until the test ends.
func backend(t *testing.T, network string, serve func(net.Conn) error) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(Dir(t), "app.sock")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o666); err != nil { // the workers run as another user
			t.Fatal(err)
		}
	}
	responder.Start(t, l, serve)
	return l.Addr()
}

// health serves 200 OK over HTTP until the test ends, and returns its address.
func health(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// serveHTTP answers one request over HTTP. The application knows its mount.
func serveHTTP(mount string) func(net.Conn) error {
	return func(conn net.Conn) error {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return err
		}
		env := map[string]string{
			"SCRIPT_NAME":        mount,
			"PATH_INFO":          strings.TrimPrefix(r.URL.Path, mount),
			"QUERY_STRING":       r.URL.RawQuery,
			"HTTP_AUTHORIZATION": r.Header.Get("Authorization"),
			"HTTP_X_BIG":         r.Header.Get("X-Big"),
		}
		_, err = conn.Write(append([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\n"), answer(env)...))
		return err
	}
}

func serveUwsgi(conn net.Conn) error {
	var header [4]byte // modifier, the block's size in two bytes, modifier
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return err
	}
	block := make([]byte, binary.LittleEndian.Uint16(header[1:]))
	if _, err := io.ReadFull(conn, block); err != nil {
		return err
	}
	env := map[string]string{}
	next := func() string {
		end := 2 + binary.LittleEndian.Uint16(block)
		text := string(block[2:end])
		block = block[end:]
		return text
	}
	for len(block) > 0 {
		name := next()
		env[name] = next()
	}
	_, err := conn.Write(answer(env))
	return err
}
