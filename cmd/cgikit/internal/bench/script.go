package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/load"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// scripts runs a CGI script for each connection that the loader makes, and answers with FastCGI
// records, which have the exit status. A connection that is closed ends its script.
type scripts struct {
	backend target.Backend
	message *request.Message
	group   sync.WaitGroup
}

func newScripts(t target.Target, m *request.Message) (*scripts, error) {
	b, err := t.Backend(-1)
	return &scripts{backend: b, message: m}, err
}

// close waits for the scripts under way, whose connections are closed by then.
func (s *scripts) close() {
	s.group.Wait()
	s.backend.Close()
}

// dial is the Connect of a load.Plan.
func (s *scripts) dial(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	c := &scriptConn{Conn: near}
	s.group.Go(func() { s.serve(far, c) })
	return c, nil
}

// serve runs the script once, after the first byte.
func (s *scripts) serve(far net.Conn, c *scriptConn) {
	defer far.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := io.ReadFull(far, make([]byte, 1)); err != nil {
		return
	}
	s.group.Go(func() {
		far.Read(make([]byte, 1)) // returns when the connection is closed
		cancel()
	})
	if err := s.answer(ctx, far); err != nil {
		c.fail(err)
	}
}

// answer runs the script and writes what it answers.
func (s *scripts) answer(ctx context.Context, w io.Writer) error {
	q := &gateway.Request{Environ: s.message.Environ.Clone(), Stderr: io.Discard, Scheme: "http"}
	if s.message.Body != nil {
		q.Stdin, q.ContentLength = bytes.NewReader(s.message.Body), int64(len(s.message.Body))
	}
	resp, err := s.backend.RoundTrip(q.WithContext(ctx))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := writeRecord(w, headText(resp)); err != nil {
		return err
	}
	for buf := make([]byte, 32<<10); ; {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if err := writeRecord(w, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			_, err = w.Write(wire.AppendEndRequest(nil, 1, wire.EndRequest{AppStatus: uint32(resp.ExitStatus)}))
			return err
		}
		if err != nil {
			return err
		}
	}
}

func writeRecord(w io.Writer, content []byte) error {
	_, err := w.Write(appendStream(nil, wire.TypeStdout, 1, content))
	return err
}

// headText is the head of a response as a script writes it.
func headText(resp *gateway.Response) []byte {
	var b bytes.Buffer
	if resp.Status != "" {
		b.WriteString("Status: " + resp.Status + "\n")
	}
	for name, value := range resp.Headers.All() {
		b.WriteString(name + ": " + value + "\n")
	}
	if b.Len() == 0 {
		b.WriteString("Status: 200 OK\n")
	}
	b.WriteString("\n")
	return b.Bytes()
}

// scriptConn is the loader's end of a connection. Where the script has failed its end is that
// error.
type scriptConn struct {
	net.Conn
	mu  sync.Mutex
	err error
}

func (c *scriptConn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = &load.Broken{Kind: scriptKind(err)}
}

// Read implements io.Reader.
func (c *scriptConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err != nil {
			err = c.err
		}
	}
	return n, err
}

// scriptKind is what is wrong with a script, in the same words for all requests.
func scriptKind(err error) string {
	if errors.As(err, new(*gateway.HeadError)) {
		return load.KindHead
	}
	for b := (*gateway.BackendError)(nil); errors.As(err, &b) && b.Err != nil; {
		err = b.Err
	}
	text := err.Error()
	return text[:min(len(text), 200)]
}
