package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// HTTP returns a load that asks over TCP for a path on kept connections.
func HTTP(addr, path string) Load { return HTTPRequest(addr, "GET", path, nil, nil) }

// HTTPRequest returns a load of requests with that method, more fields and a body.
func HTTPRequest(addr, method, path string, fields [][2]string, body []byte) Load {
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n", method, path, addr)
	for _, f := range fields {
		request = fmt.Appendf(request, "%s: %s\r\n", f[0], f[1])
	}
	if body != nil {
		request = fmt.Appendf(request, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", len(body))
	}
	return Load{
		Network: "tcp",
		Addr:    addr,
		Request: append(append(request, "\r\n"...), body...),
		Answer:  func() Answer { return &httpAnswer{} },
	}
}

// httpAnswer follows responses over HTTP that are 200, have a body and state its length or are
// chunked. Caddy sends a 200 without a body where no site has the request's Host.
type httpAnswer struct {
	head    []byte
	left    int // bytes of the body, or of the chunk, that are to come
	body    bool
	chunked bool
	line    []byte // of a chunk's size, so far
	last    bool   // the last chunk has come
}

func (a *httpAnswer) Take(p []byte) error {
	if a.body && !a.chunked {
		a.left -= len(p)
		return nil
	}
	if a.body {
		return a.readChunks(p)
	}
	a.head = append(a.head, p...)
	end := bytes.Index(a.head, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	if err := a.begin(a.head[:end]); err != nil {
		return err
	}
	return a.Take(a.head[end+4:])
}

// begin reads the head.
func (a *httpAnswer) begin(head []byte) error {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return unexpected(head)
	}
	a.body = true
	_, rest, ok := bytes.Cut(head, []byte("\r\nContent-Length: "))
	if !ok {
		a.chunked = bytes.Contains(head, []byte("\r\nTransfer-Encoding: chunked"))
		if !a.chunked {
			return errors.New("a response without its length")
		}
		return nil
	}
	for a.left = 0; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
		a.left = a.left*10 + int(rest[0]-'0')
	}
	if a.left == 0 {
		return errors.New("a response without a body")
	}
	return nil
}

// readChunks skips what is in the chunks, and each one's line end with it. It reads no trailer.
func (a *httpAnswer) readChunks(p []byte) error {
	for len(p) > 0 {
		if a.left > 0 {
			n := min(a.left, len(p))
			a.left -= n
			p = p[n:]
			continue
		}
		a.line = append(a.line, p[0])
		p = p[1:]
		size, ok := bytes.CutSuffix(a.line, []byte("\r\n"))
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return unexpected(a.line)
		}
		a.left, a.last, a.line = int(n)+2, n == 0, a.line[:0]
	}
	return nil
}

func (a *httpAnswer) Next() bool {
	if !a.body || a.left > 0 || a.chunked && !a.last {
		return false
	}
	*a = httpAnswer{head: a.head[:0], line: a.line[:0]}
	return true
}

func (a *httpAnswer) End() error {
	if !a.Next() {
		return errTooShort
	}
	return nil
}
