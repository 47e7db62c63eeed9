//go:build linux

package main

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
)

// trivial is the least that deserves the name of a gateway: it looks at nothing but the end of the
// answer, whose head it knows.
type trivial struct {
	addr    string
	idle    chan net.Conn
	request []byte
}

func newTrivial(addr string) *trivial {
	t := &trivial{addr: addr, idle: make(chan net.Conn, 64)}
	t.request = appendRecord(nil, 1, "\x00\x01\x01\x00\x00\x00\x00\x00")
	t.request = appendRecord(t.request, 4, trivialParams())
	t.request = appendRecord(t.request, 4, "")
	t.request = appendRecord(t.request, 5, "")
	return t
}

// trivialParams are about as many bytes as a gateway sends.
func trivialParams() (pairs string) {
	for _, v := range [][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_SOFTWARE", "trivial"}, {"SERVER_PROTOCOL", "HTTP/1.1"}, {"REQUEST_METHOD", "GET"},
		{"REQUEST_URI", "/app/hello?x=1"}, {"SCRIPT_NAME", ""}, {"PATH_INFO", "/app/hello"}, {"QUERY_STRING", "x=1"},
		{"REQUEST_SCHEME", "http"}, {"SERVER_NAME", "localhost"}, {"SERVER_PORT", "8080"}, {"SERVER_ADDR", "127.0.0.1"},
		{"REMOTE_ADDR", "127.0.0.1"}, {"REMOTE_PORT", "51334"}, {"HTTP_HOST", "localhost"}, {"HTTP_ACCEPT", "*/*"},
		{"HTTP_USER_AGENT", "bench"}, {"DOCUMENT_URI", "/app/hello"}, {"REMOTE_HOST", "127.0.0.1"}, {"REDIRECT_STATUS", "200"},
	} {
		pairs += string([]byte{byte(len(v[0])), byte(len(v[1]))}) + v[0] + v[1]
	}
	return pairs
}

func appendRecord(dst []byte, kind byte, content string) []byte {
	dst = append(dst, 1, kind, 0, 1, byte(len(content)>>8), byte(len(content)), 0, 0)
	return append(dst, content...)
}

// ServeHTTP implements http.Handler.
func (t *trivial) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := t.exchange(); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(hello)))
	io.WriteString(w, hello)
}

func (t *trivial) exchange() (err error) {
	var c net.Conn
	select {
	case c = <-t.idle:
	default:
		if c, err = net.Dial("unix", t.addr); err != nil {
			return err
		}
	}
	if _, err := c.Write(t.request); err != nil {
		return err
	}
	if err := readAnswer(c); err != nil {
		return err
	}
	t.idle <- c
	return nil
}

// readAnswer reads up to END_REQUEST.
func readAnswer(c net.Conn) error {
	buf := make([]byte, 0, 1024)
	for at := 0; ; {
		n, err := c.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return err
		}
		for buf = buf[:len(buf)+n]; at+8 <= len(buf); {
			kind := buf[at+1]
			at += 8 + int(binary.BigEndian.Uint16(buf[at+4:])) + int(buf[at+6])
			if kind == 3 && at <= len(buf) {
				return nil
			}
		}
	}
}
