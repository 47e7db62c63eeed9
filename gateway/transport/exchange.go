package transport

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// Exchange is one request and its response on a connection that carries no other, for protocols
// whose response ends with the connection, as that of SCGI and of uwsgi does. It has the timeouts,
// the context, sendfile(2), and the two ways to end: one that delivers a complete response, and one
// that the peer cannot mistake for it (see gateway.ResponseWriter).
//
// A transport calls Begin, then Fill until the head of the request is complete, then BeginBody, and
// then Run. What an App may hold after it returned fails, so an Exchange is never used again; its
// buffer is.
//
// Deadlines are set only before a wait: most requests are there at once and most responses are
// taken at once, and the runtime's timers would be a tenth of the cost of a small one.
type Exchange struct {
	net          net.Conn
	socket       *Socket
	readTimeout  time.Duration // negative is none
	writeTimeout time.Duration
	headUntil    time.Time // while the head is read: the deadline for all of it
	ctx          gateway.RequestContext
	interrupted  atomic.Bool
	in           input
	buffer       *buffer
}

// buffer takes what arrives of an ordinary request in one call. A larger head grows one of its own,
// which is not kept.
type buffer [8 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Begin makes a zero x ready for the request on nc, which x closes. readTimeout bounds the wait for
// the whole head, and then each wait for more of the body; writeTimeout bounds each wait for the
// peer to take some more of the response. Negative is no bound.
func (x *Exchange) Begin(nc net.Conn, readTimeout, writeTimeout time.Duration) {
	x.net, x.socket = nc, NewSocket(nc)
	x.readTimeout, x.writeTimeout = readTimeout, writeTimeout
	x.buffer = buffers.Get().(*buffer)
	x.in.src, x.in.buf = (*exchangeSource)(x), x.buffer[:]
	// one deadline for all of the head: with one for each byte, a slow peer could hold the
	// connection for ever
	if readTimeout > 0 {
		x.headUntil = time.Now().Add(readTimeout)
	}
}

// Fill waits for more of the head and returns all of it that has come, good until the next call.
// Memory grows with what arrives. The error is io.EOF where the connection ended before its first
// byte, and io.ErrUnexpectedEOF where it ended later.
func (x *Exchange) Fill() ([]byte, error) {
	err := x.in.fill()
	return x.in.buf[:x.in.end], err
}

// BeginBody says that the first size bytes that Fill returned are the head, and that length bytes
// of body follow; a negative length is taken for 0.
func (x *Exchange) BeginBody(size int, length int64) {
	x.in.start, x.in.left = size, max(length, 0)
	x.headUntil = time.Time{}
}

// Run answers the request: it fills in the streams of h, runs app, and ends the connection, also
// where app calls runtime.Goexit. The context of the request ends with ctx, with the connection,
// and timeout after now where that is positive.
func (x *Exchange) Run(ctx context.Context, timeout time.Duration, h *gateway.BaseCGIHandler, app gateway.App) {
	err := gateway.ErrBroken
	defer func() { x.end(err) }()
	x.ctx.Begin(ctx, timeout, x.socket)
	h.Stdin, h.Stdout = &x.in, (*exchangeStdout)(x)
	err = h.Run(&x.ctx, app)
}

// end cuts the App off from the input, and ends the connection as the response deserves.
func (x *Exchange) end(err error) {
	scratch := x.in.close(x.interrupt)
	x.ctx.Release()
	if err != nil {
		x.abort()
	} else {
		x.finish(scratch)
	}
	buffers.Put(x.buffer)
}

// Refuse writes an answer that is not an App's, and closes when the peer has taken it. It takes the
// place of Run.
func (x *Exchange) Refuse(answer string) {
	if _, err := io.WriteString((*exchangeStdout)(x), answer); err == nil {
		x.linger(x.in.buf)
	}
	x.net.Close()
}

// exchangeSource is where the input comes from.
type exchangeSource Exchange

// Read waits for bytes, each time for the read timeout at most.
func (s *exchangeSource) Read(p []byte) (int, error) {
	if n := s.socket.ReadNow(p); n > 0 {
		return n, nil
	}
	s.beforeRead()
	return s.net.Read(p)
}

// Peek is Read that leaves the bytes in the system.
func (s *exchangeSource) Peek(p []byte) (int, error) {
	if n := s.socket.PeekNow(p); n > 0 {
		return n, nil
	}
	s.beforeRead()
	return s.socket.Peek(p)
}

func (s *exchangeSource) keeps() bool { return s.socket.ResetsByUnread() }

// beforeRead moves the deadline on. Its errors are not looked at, here and elsewhere: what follows
// would meet them too.
func (s *exchangeSource) beforeRead() {
	if s.readTimeout > 0 {
		until := s.headUntil
		if until.IsZero() {
			until = time.Now().Add(s.readTimeout)
		}
		s.net.SetReadDeadline(until)
	}
	if s.interrupted.Load() {
		s.net.SetReadDeadline(longAgo)
	}
}

// longAgo is a deadline that ends all waiting.
var longAgo = time.Unix(1, 0)

// interrupt makes a Read under way fail, and those to come.
func (x *Exchange) interrupt() {
	x.interrupted.Store(true)
	x.net.SetReadDeadline(longAgo)
}

// exchangeStdout takes the response.
type exchangeStdout Exchange

// Write implements io.Writer.
func (o *exchangeStdout) Write(p []byte) (int, error) {
	done := o.socket.WriteNow(p)
	if done == len(p) {
		return done, nil
	}
	n, err := o.socket.WriteAll(&net.Buffers{p[done:]}, o.writeTimeout, nil)
	return done + int(n), o.check(err)
}

// SendFile implements gateway.FileSender.
func (o *exchangeStdout) SendFile(f gateway.File, n int64) (int64, error) {
	sent, err := o.socket.SendFile(f, n, o.writeTimeout, nil)
	return sent, o.check(err)
}

// check ends the context where the peer takes no more.
func (o *exchangeStdout) check(err error) error {
	if gateway.PeerGone(err) {
		o.ctx.End(gateway.ErrClientGone)
	} else if err != nil {
		o.ctx.End(err)
	}
	return err
}
