package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/server"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// upload sends so many bytes, and checks that as many came.
func upload(p *peer.Process, protocol string, size int64) error {
	body, err := fetchBody(p, protocol, "POST", "", size)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err == nil && string(text) != strconv.FormatInt(size, 10) {
		err = fmt.Errorf("sent %d bytes; the answer is %.200q", size, text)
	}
	return err
}

// download fetches so many bytes.
func download(p *peer.Process, protocol string, size int64) error {
	body, err := fetchBody(p, protocol, "GET", strconv.FormatInt(size, 10), 0)
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

// fetchBody sends a request with so many bytes of body, and returns the body of the answer.
func fetchBody(p *peer.Process, protocol, method, query string, size int64) (io.ReadCloser, error) {
	switch protocol {
	case "http":
		return fetchHTTP(p.Addr, method, query, size)
	case "fastcgi":
		return fetchBackend(&fastcgi.Client{Addr: "unix:" + p.Addr}, method, query, size)
	default:
		return fetchBackend(&scgi.Client{Addr: "unix:" + p.Addr}, method, query, size)
	}
}

func fetchHTTP(addr, method, query string, size int64) (io.ReadCloser, error) {
	r, err := http.NewRequest(method, "http://"+addr+"/?"+query, server.Zeros(size))
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

func fetchBackend(b gateway.Backend, method, query string, size int64) (io.ReadCloser, error) {
	environ := util.EnvironFromMap(map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
		"REQUEST_METHOD": method, "REQUEST_URI": "/?" + query, "QUERY_STRING": query, "SCRIPT_NAME": "", "PATH_INFO": "/",
		"CONTENT_LENGTH": strconv.FormatInt(size, 10),
	})
	resp, err := b.RoundTrip(&gateway.Request{Environ: environ, Stdin: server.Zeros(size)})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(resp.Status, "200") {
		resp.Body.Close()
		return nil, fmt.Errorf("answered %.200q", resp.Status)
	}
	return resp.Body, nil
}
