package load

import (
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/load"
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
		Decoder: func() load.Decoder { return new(load.HTTP) },
	}
}
