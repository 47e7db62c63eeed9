package webserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The application of these tests has its own minimal SCGI and FastCGI, so that the tests of the
// servers' configurations do not depend on the transports of this module.

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
	fmt.Fprintf(&b, "SCRIPT_NAME=%q PATH_INFO=%q QUERY_STRING=%q HTTP_AUTHORIZATION=%q X-Big: %d TEST_VALUE=%q",
		env["SCRIPT_NAME"], env["PATH_INFO"], env["QUERY_STRING"], env["HTTP_AUTHORIZATION"], len(env["HTTP_X_BIG"]), os.Getenv("TEST_VALUE"))
	return []byte(b.String())
}

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
	done := make(chan struct{})
	go func() {
		defer close(done)
		acceptLoop(l, serve)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
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

func acceptLoop(l net.Listener, serve func(net.Conn) error) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			if err := serve(conn); err != nil {
				fmt.Fprintln(os.Stderr, "backend:", err)
			}
		})
	}
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

func serveSCGI(conn net.Conn) error {
	in := bufio.NewReader(conn)
	length, err := in.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return err
	}
	block := make([]byte, n+1) // and the comma
	if _, err := io.ReadFull(in, block); err != nil {
		return err
	}
	env := map[string]string{}
	fields := strings.Split(string(block[:n]), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		env[fields[i]] = fields[i+1]
	}
	_, err = conn.Write(answer(env))
	return err
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

// Record types of FastCGI section 8.
const (
	endRequest = 3
	params     = 4
	stdin      = 5
	stdout     = 6
	getValues  = 9
)

// noValues is a GET_VALUES_RESULT without a value. HAProxy sends GET_VALUES and waits for it.
const noValues = "\x01\x0a\x00\x00\x00\x00\x00\x00"

func serveFastCGI(conn net.Conn) error {
	var block []byte
	for {
		kind, content, err := readRecord(conn)
		if err != nil {
			return err
		}
		switch {
		case kind == getValues:
			if _, err := io.WriteString(conn, noValues); err != nil {
				return err
			}
		case kind == params:
			block = append(block, content...)
		case kind == stdin && len(content) == 0:
			out := appendRecord(nil, stdout, answer(decodePairs(block)))
			out = appendRecord(out, stdout, nil)
			_, err := conn.Write(appendRecord(out, endRequest, make([]byte, 8)))
			return err
		}
	}
}

func readRecord(r io.Reader) (kind byte, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0] != 1 {
		return 0, nil, errors.New("not FastCGI version 1")
	}
	content = make([]byte, binary.BigEndian.Uint16(head[4:]))
	if _, err := io.ReadFull(r, content); err != nil {
		return 0, nil, err
	}
	_, err = io.CopyN(io.Discard, r, int64(head[6]))
	return head[1], content, err
}

func appendRecord(b []byte, kind byte, content []byte) []byte {
	b = append(b, 1, kind, 0, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(append(b, 0, 0), content...)
}

func decodePairs(block []byte) map[string]string {
	env := map[string]string{}
	length := func() int {
		n := int(block[0])
		if n < 128 {
			block = block[1:]
			return n
		}
		n = int(binary.BigEndian.Uint32(block) & 0x7fffffff)
		block = block[4:]
		return n
	}
	for len(block) > 0 {
		name, value := length(), length()
		env[string(block[:name])] = string(block[name : name+value])
		block = block[name+value:]
	}
	return env
}
