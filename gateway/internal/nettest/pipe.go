package nettest

import "net"

// PipeListener is a listener whose connections are pipes, for tests under synctest.
type PipeListener struct {
	Conns  chan net.Conn // Accept returns a connection that is sent here
	Errs   chan error    // Accept fails with an error that is sent here
	Closed chan struct{} // closed by Close
}

// NewPipeListener returns an open listener.
func NewPipeListener() *PipeListener {
	return &PipeListener{make(chan net.Conn), make(chan error), make(chan struct{})}
}

// Dial waits until Accept takes a new connection, and returns the client's end.
func (l *PipeListener) Dial() net.Conn {
	client, server := net.Pipe()
	l.Conns <- server
	return client
}

// Accept implements net.Listener.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.Conns:
		return c, nil
	case err := <-l.Errs:
		return nil, err
	case <-l.Closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. A second Close panics: the code under test must not do that.
func (l *PipeListener) Close() error { close(l.Closed); return nil }

// Addr implements net.Listener.
func (l *PipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
