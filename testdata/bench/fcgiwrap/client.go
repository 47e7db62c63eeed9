//go:build unix

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// variables are about what nginx sends for a GET by curl.
func variables(script string) []string {
	return []string{
		"CONTENT_LENGTH", "0", "REQUEST_METHOD", "GET", "REQUEST_URI", "/cgi-bin/hello?x=1", "QUERY_STRING", "x=1", "CONTENT_TYPE", "",
		"SCRIPT_NAME", "/cgi-bin/hello", "SCRIPT_FILENAME", script, "DOCUMENT_URI", "/cgi-bin/hello", "DOCUMENT_ROOT", "/usr/share/nginx/html",
		"SERVER_PROTOCOL", "HTTP/1.1", "GATEWAY_INTERFACE", "CGI/1.1", "SERVER_SOFTWARE", "nginx/1.22.1", "REQUEST_SCHEME", "http",
		"REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "51334", "SERVER_PORT", "8080", "SERVER_NAME", "localhost", "REDIRECT_STATUS", "200",
		"HTTP_HOST", "localhost", "HTTP_USER_AGENT", "curl/7.88.1", "HTTP_ACCEPT", "*/*",
	}
}

// round has the clients ask for that long and returns the requests per second.
func (c *contender) round(script string, clients int, span time.Duration) (float64, error) {
	request := fastCGIRequest(variables(script))
	if c.name == "scgi" {
		request = scgiRequest(variables(script))
	}
	var done atomic.Int64
	var failure atomic.Pointer[error]
	var all sync.WaitGroup
	begin := time.Now()
	for range clients {
		all.Go(func() {
			for time.Since(begin) < span && failure.Load() == nil {
				if err := c.ask(c.socket, request); err != nil {
					failure.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(begin).Seconds(), nil
}

// fastCGIRequest is one request, after which the server is to close the connection (FastCGI section
// 3.5).
func fastCGIRequest(pairs []string) []byte {
	var params []byte
	for i := 0; i < len(pairs); i += 2 {
		params = append(params, byte(len(pairs[i])), byte(len(pairs[i+1])))
		params = append(append(params, pairs[i]...), pairs[i+1]...)
	}
	request := record(nil, 1, []byte{0, 1, 0, 0, 0, 0, 0, 0})
	request = record(record(request, 4, params), 4, nil)
	return record(request, 5, nil)
}

func record(b []byte, kind byte, content []byte) []byte {
	b = append(b, 1, kind, 0, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(append(b, 0, 0), content...)
}

func scgiRequest(pairs []string) []byte {
	head := strings.Join(pairs, "\x00") + "\x00SCGI\x001\x00"
	return fmt.Appendf(nil, "%d:%s,", len(head), head)
}

// askFastCGI does one request and wants a whole answer.
func askFastCGI(socket string, request []byte) error {
	answer, err := exchange(socket, request)
	if err != nil {
		return err
	}
	var stdout []byte
	for len(answer) >= 8 {
		kind, size := answer[1], int(binary.BigEndian.Uint16(answer[4:]))
		next := 8 + size + int(answer[6])
		if next > len(answer) {
			break
		}
		switch kind {
		case 6:
			stdout = append(stdout, answer[8:8+size]...)
		case 3:
			return hello(stdout)
		}
		answer = answer[next:]
	}
	return fmt.Errorf("no end of the request: %q", answer)
}

// askSCGI does the same.
func askSCGI(socket string, request []byte) error {
	answer, err := exchange(socket, request)
	if err != nil {
		return err
	}
	return hello(answer)
}

func exchange(socket string, request []byte) ([]byte, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	return io.ReadAll(conn)
}

func hello(answer []byte) error {
	if !strings.HasSuffix(string(answer), "\n\r\nhello\n") && !strings.HasSuffix(string(answer), "\n\nhello\n") {
		return errors.New("no hello: " + string(answer))
	}
	return nil
}
