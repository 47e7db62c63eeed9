package transport_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// uwsgiServer serves uwsgi, a protocol that this module does not have and that nginx speaks with
// uwsgi_pass. A request is a header of 4 bytes, a block of name-value pairs, and the body. The
// response is a CGI response.
type uwsgiServer struct {
	transport.Conns // has Shutdown, Close and Stats
	App             gateway.App
	Stderr          io.Writer // of the App; nil means that of the process
}

func (s *uwsgiServer) Serve(l net.Listener) error {
	return s.Conns.Serve(l, transport.Service{Handle: s.serveConn})
}

// serveConn answers the one request of a connection.
func (s *uwsgiServer) serveConn(ctx context.Context, c *transport.Conn) {
	var x transport.Exchange
	x.Begin(c.Net, time.Minute, time.Minute)
	environ, err := readUwsgi(&x)
	if err != nil || !c.Active() { // not uwsgi, or shutting down
		return
	}
	x.Run(ctx, 0, &gateway.BaseCGIHandler{Environ: environ, Stderr: s.Stderr, Multithread: true}, s.App)
}

// readUwsgi reads the header and the block. The second and third byte of the header have the size
// of the block.
func readUwsgi(x *transport.Exchange) (*util.Environ, error) {
	for {
		head, err := x.Fill()
		if err != nil {
			return nil, err
		}
		if len(head) < 4 || len(head)-4 < int(binary.LittleEndian.Uint16(head[1:])) {
			continue
		}
		end := 4 + int(binary.LittleEndian.Uint16(head[1:]))
		environ, err := decodeUwsgi(string(head[4:end]))
		if err != nil {
			return nil, err
		}
		// Run answers 400 to a malformed length
		length, _ := strconv.ParseInt(environ.Get("CONTENT_LENGTH"), 10, 64)
		x.BeginBody(end, length)
		return environ, nil
	}
}

// decodeUwsgi decodes the pairs. Two bytes before each name and each value have its length.
func decodeUwsgi(block string) (*util.Environ, error) {
	environ := util.NewEnviron()
	for block != "" {
		var pair [2]string
		for i := range pair {
			if len(block) < 2 || len(block)-2 < int(block[0])+int(block[1])<<8 {
				return nil, errors.New("uwsgi: the block ends within a pair")
			}
			end := 2 + int(block[0]) + int(block[1])<<8
			pair[i], block = block[2:end], block[end:]
		}
		environ.Add(pair[0], pair[1])
	}
	return environ, nil
}

// The author of a new protocol writes the decoding of a request. Conns accepts and closes the
// connections. Exchange has the timeouts, and closes a connection so that an incomplete response is
// visible. Package gateway has the rules of requests and responses.
func Example() {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	s := &uwsgiServer{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "You asked for %s\n", r.Environ.Get("PATH_INFO"))
		return err
	})}
	go s.Serve(l)
	defer s.Close()
	c, _ := net.Dial("tcp", l.Addr().String())
	io.WriteString(c, "\x00\x14\x00\x00"+"\x09\x00PATH_INFO"+"\x07\x00/orders")
	answer, _ := io.ReadAll(c)
	fmt.Printf("%s", bytes.ReplaceAll(answer, []byte("\r"), nil))
	// Output:
	// Status: 200 OK
	// Content-Length: 22
	//
	// You asked for /orders
}
