package launch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// protocols has the protocols that a listening socket can serve.
var protocols = []string{"http", "fastcgi", "scgi"}

// ask sends a request and returns the whole body of the answer.
func ask(t *testing.T, protocol string, addr net.Addr, path string) string {
	t.Helper()
	answer, err := io.ReadAll(open(t, protocol, addr, path, ""))
	if err != nil {
		t.Errorf("%s: the answer broke off after %q: %v", protocol, answer, err)
	}
	return string(answer)
}

// hold sends a request that stays under way until its gate is opened. It returns when the App has
// begun.
func hold(t *testing.T, protocol string, addr net.Addr, g gate) *bufio.Reader {
	t.Helper()
	body := open(t, protocol, addr, "/hold", g.port())
	if line, err := body.ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("%s: got %q, %v; want begun", protocol, line, err)
	}
	return body
}

// open sends a request and returns the body of the answer when its head has arrived. Reading the
// body fails if the body is not complete.
func open(t *testing.T, protocol string, addr net.Addr, path, query string) *bufio.Reader {
	t.Helper()
	conn, err := net.DialTimeout(addr.Network(), addr.String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return roundTrip(t, conn, protocol, request(protocol, path, query))
}

func roundTrip(t *testing.T, conn net.Conn, protocol string, request []byte) *bufio.Reader {
	t.Helper()
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	var answer io.Reader = conn
	if protocol == "fastcgi" {
		answer = &records{conn: conn}
	}
	in := textproto.NewReader(bufio.NewReader(answer))
	if protocol == "http" {
		if _, err := in.ReadLine(); err != nil {
			t.Fatalf("http: no answer: %v", err)
		}
	}
	if head, err := in.ReadMIMEHeader(); err != nil {
		t.Fatalf("%s: the answer's head is %v, %v", protocol, head, err)
	}
	return in.R
}

// request returns a GET as a web server sends it, or for HTTP as an HTTP/1.0 client does, for which
// the end of the connection ends the answer.
func request(protocol, path, query string) []byte {
	if protocol == "http" {
		return fmt.Appendf(nil, "GET %s?%s HTTP/1.0\r\n\r\n", path, query)
	}
	return encode(protocol, "SERVER_PROTOCOL", "HTTP/1.1", "REQUEST_URI", path+"?"+query, "SCRIPT_NAME", "", "PATH_INFO", path,
		"QUERY_STRING", query)
}

// encode returns the variables of a GET with these names and values.
func encode(protocol string, variables ...string) []byte {
	return encodeBody(protocol, "", append([]string{"REQUEST_METHOD", "GET"}, variables...)...)
}

// post sends a POST with a body to /.
func post(protocol, body string) []byte {
	if protocol == "http" {
		return fmt.Appendf(nil, "POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	return encodeBody(protocol, body, "REQUEST_METHOD", "POST", "SCRIPT_NAME", "", "PATH_INFO", "/")
}

func encodeBody(protocol, body string, variables ...string) []byte {
	variables = append([]string{"CONTENT_LENGTH", strconv.Itoa(len(body)), "SCGI", "1"}, variables...)
	if protocol == "scgi" {
		block := strings.Join(variables, "\x00") + "\x00"
		return fmt.Appendf(nil, "%d:%s,%s", len(block), block, body)
	}
	var params []byte
	for i := 0; i < len(variables); i += 2 {
		params = wire.AppendPair(params, variables[i], variables[i+1])
	}
	b := wire.AppendBeginRequest(nil, 1, wire.BeginRequest{Role: fastcgi.RoleResponder})
	b = wire.AppendRecord(b, wire.TypeParams, 1, params)
	b = wire.AppendRecord(b, wire.TypeParams, 1, nil)
	if body != "" {
		b = wire.AppendRecord(b, wire.TypeStdin, 1, []byte(body))
	}
	return wire.AppendRecord(b, wire.TypeStdin, 1, nil)
}

// records reads FastCGI's STDOUT stream.
type records struct {
	conn    io.ReadCloser
	pending bytes.Buffer
}

func (r *records) Read(p []byte) (int, error) {
	for r.pending.Len() == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	return r.pending.Read(p)
}

// next returns io.EOF only at the end of the request.
func (r *records) next() error {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		return err
	}
	content := make([]byte, int(h.ContentLength)+int(h.PaddingLength))
	if _, err := io.ReadFull(r.conn, content); err != nil {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	switch h.Type {
	case wire.TypeEndRequest:
		r.conn.Close() // the server waits for this after its answer
		return io.EOF
	case wire.TypeStdout:
		r.pending.Write(content[:h.ContentLength])
	}
	return nil
}
