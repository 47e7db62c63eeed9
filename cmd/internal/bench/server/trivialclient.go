package server

import (
	"encoding/binary"
	"net"
	"net/http"
)

// trivialClient is the least that can be called a gateway: it looks only for the end of the
// response, and makes the head itself.
type trivialClient struct {
	addr    string
	idle    chan net.Conn
	request []byte
}

func newTrivialClient(addr string) *trivialClient {
	t := &trivialClient{addr: addr, idle: make(chan net.Conn, 64)}
	t.request = appendRecord(nil, beginRequest, 1, "\x00\x01\x01\x00\x00\x00\x00\x00")
	t.request = appendRecord(t.request, params, 1, clientParams())
	t.request = appendRecord(t.request, params, 1, "")
	t.request = appendRecord(t.request, stdin, 1, "")
	return t
}

// clientParams are about as many bytes as a gateway sends.
func clientParams() (pairs string) {
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

// serveTrivialClient passes requests on to the application at the unix socket that args names.
func serveTrivialClient(l net.Listener, args []string) error {
	return http.Serve(l, newTrivialClient(args[0]))
}

// ServeHTTP implements http.Handler.
func (t *trivialClient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := t.exchange(); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	helloHandler(w, r)
}

func (t *trivialClient) exchange() (err error) {
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
	select {
	case t.idle <- c:
		return nil
	default:
		return c.Close()
	}
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
			if kind == endRequest && at <= len(buf) {
				return nil
			}
		}
	}
}
