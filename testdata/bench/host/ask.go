//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/testdata/bench/contest"
	"github.com/cgikit/cgikit/util"
)

// upload sends so many bytes, and wants to hear that they came.
func upload(c *contest.Child, protocol string, size int64) error {
	body, err := ask(c, protocol, "POST", "", size)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err == nil && string(text) != strconv.FormatInt(size, 10) {
		err = fmt.Errorf("of %d bytes %.200q came", size, text)
	}
	return err
}

// download fetches so many bytes.
func download(c *contest.Child, protocol string, size int64) error {
	body, err := ask(c, protocol, "GET", strconv.FormatInt(size, 10), 0)
	if err != nil {
		return err
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes came of %d", n, size)
	}
	return err
}

// ask sends a request with so many bytes of body, and returns the body of the answer.
func ask(c *contest.Child, protocol, method, query string, size int64) (io.ReadCloser, error) {
	switch protocol {
	case "http":
		return askHTTP(c.Addr, method, query, size)
	case "fastcgi":
		// keeps no connection
		return askBackend(&fastcgi.Client{Addr: "unix:" + c.Addr}, method, query, size)
	default:
		return askBackend(&scgi.Client{Addr: "unix:" + c.Addr}, method, query, size)
	}
}

func askHTTP(addr, method, query string, size int64) (io.ReadCloser, error) {
	r, err := http.NewRequest(method, "http://"+addr+"/?"+query, zeros(size))
	if err != nil {
		return nil, err
	}
	r.ContentLength = size
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("answered %s", resp.Status)
	}
	return resp.Body, nil
}

func askBackend(b gateway.Backend, method, query string, size int64) (io.ReadCloser, error) {
	environ := util.EnvironFromMap(map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
		"REQUEST_METHOD": method, "REQUEST_URI": "/?" + query, "QUERY_STRING": query, "SCRIPT_NAME": "", "PATH_INFO": "/",
		"CONTENT_LENGTH": strconv.FormatInt(size, 10),
	})
	resp, err := b.RoundTrip(&gateway.Request{Environ: environ, Stdin: zeros(size)})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(resp.Status, "200") {
		resp.Body.Close()
		return nil, fmt.Errorf("answered %.200q", resp.Status)
	}
	return resp.Body, nil
}

// zeros is a body of so many bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
