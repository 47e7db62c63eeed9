//go:build linux

package contest

import (
	"bytes"
	"errors"
	"fmt"
)

// HTTPLoad asks over TCP for a path.
func HTTPLoad(addr, path string) Load {
	return Load{
		Network: "tcp",
		Addr:    addr,
		Request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", path, addr),
		Answer:  func() Answer { return &httpAnswer{} },
	}
}

// httpAnswer takes in responses over HTTP that are 200, say their Content-Length, and have a body:
// Caddy answers so, with none, where no site has the request's Host.
type httpAnswer struct {
	head []byte
	left int // bytes of body that are to come; what head holds says them
	body bool
}

func (a *httpAnswer) Take(p []byte) error {
	if a.body {
		a.left -= len(p)
		return nil
	}
	a.head = append(a.head, p...)
	end := bytes.Index(a.head, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	if !bytes.HasPrefix(a.head, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answered %.200q", a.head)
	}
	_, rest, ok := bytes.Cut(a.head[:end], []byte("\r\nContent-Length: "))
	if !ok {
		return errors.New("a response without Content-Length")
	}
	for a.left = 0; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
		a.left = a.left*10 + int(rest[0]-'0')
	}
	if a.left == 0 {
		return errors.New("a response without a body")
	}
	a.left -= len(a.head) - end - 4
	a.body = true
	return nil
}

func (a *httpAnswer) Next() bool {
	if !a.body || a.left > 0 {
		return false
	}
	a.body, a.head = false, a.head[:0]
	return true
}
