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

// Exchange is one request and its response on a connection that carries no other. It serves
// protocols whose response ends with the connection, such as SCGI and uwsgi. It has the timeouts,
// the context, sendfile(2), and two ways to end: one delivers a complete response, and the other
// cannot be mistaken for it (see gateway.ResponseWriter).
//
// A transport calls Begin, then Fill until the head of the request is complete, then BeginBody, and
// then Run. The streams that an App may still hold after it returned fail from then on. So an
// Exchange is never reused, but its buffer is.
//
// Deadlines are set only before a wait. Most requests arrive in one piece and most responses are
// taken at once, and the runtime's timers would be a tenth of the cost of a small exchange.
type Exchange struct {
	net          net.Conn
	socket       *Socket
	readTimeout  time.Duration // negative: no bound
	writeTimeout time.Duration
	headUntil    time.Time // the deadline for the whole head; zero once the head is read
	ctx          gateway.RequestContext
	interrupted  atomic.Bool
	in           input
	buffer       *buffer
}

// buffer holds an ordinary request, so that one call reads it. A larger head gets a larger buffer,
// which is not reused.
type buffer [8 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Begin prepares a zero x for the request on nc, which x closes. readTimeout bounds the wait for
// the whole head, and then each wait for more of the body. writeTimeout bounds each wait for the
// peer to take more of the response. Negative means no bound.
func (x *Exchange) Begin(nc net.Conn, readTimeout, writeTimeout time.Duration) {
	x.net, x.socket = nc, NewSocket(nc)
	x.readTimeout, x.writeTimeout = readTimeout, writeTimeout
	x.buffer = buffers.Get().(*buffer)
	x.in.src, x.in.buf = (*exchangeSource)(x), x.buffer[:]
	// one deadline for the whole head: with one for each read, a slow peer could hold the
	// connection for ever
	if readTimeout > 0 {
		x.headUntil = time.Now().Add(readTimeout)
	}
}

// Fill waits for more of the head and returns all that has arrived, valid until the next call.
// Memory grows with what arrives. The error is io.EOF if the connection ended before its first
// byte, and io.ErrUnexpectedEOF if it ended later.
func (x *Exchange) Fill() ([]byte, error) {
	err := x.in.fill()
	return x.in.buf[:x.in.end], err
}

// BeginBody ends the head: the first size bytes that Fill returned are the head, and length bytes
// of body follow. A negative length means 0.
func (x *Exchange) BeginBody(size int, length int64) {
	x.in.start, x.in.left = size, max(length, 0)
	x.headUntil = time.Time{}
}

// Run answers the request: it sets the streams of h, runs app, and closes the connection, even if
// app calls runtime.Goexit. The context of the request ends when ctx ends, when the peer closes the
// connection, and, if timeout is positive, after timeout.
func (x *Exchange) Run(ctx context.Context, timeout time.Duration, h *gateway.BaseCGIHandler, app gateway.App) {
	err := gateway.ErrBroken
	defer func() { x.finishOrAbort(err) }()
	x.ctx.Begin(ctx, timeout, x.socket)
	h.Stdin, h.Stdout = &x.in, (*exchangeStdout)(x)
	err = h.Run(&x.ctx, app)
}

// finishOrAbort makes the App's reads of the body fail from now on. It finishes the connection if
// the response is complete, and aborts it otherwise.
func (x *Exchange) finishOrAbort(err error) {
	scratch := x.in.close(x.interrupt)
	x.ctx.Release()
	if err != nil {
		x.abort()
	} else {
		x.finish(scratch)
	}
	buffers.Put(x.buffer)
}

// Refuse writes answer in place of an App's response, and closes when the peer has read it. It is
// called instead of Run.
func (x *Exchange) Refuse(answer string) {
	if _, err := io.WriteString((*exchangeStdout)(x), answer); err == nil {
		Linger(x.net, x.in.buf)
	}
	x.net.Close()
}

// exchangeSource reads the connection, for the input.
type exchangeSource Exchange

// Read reads from the connection. Each call waits for readTimeout at most.
func (s *exchangeSource) Read(p []byte) (int, error) {
	if n := s.socket.ReadNow(p); n > 0 {
		return n, nil
	}
	s.beforeRead()
	return s.net.Read(p)
}

// Peek is Read, but leaves the bytes in the system.
func (s *exchangeSource) Peek(p []byte) (int, error) {
	if n := s.socket.PeekNow(p); n > 0 {
		return n, nil
	}
	s.beforeRead()
	return s.socket.Peek(p)
}

func (s *exchangeSource) mustPeek() bool { return s.socket.ResetsByUnread() }

// beforeRead moves the deadline on. Errors of setting a deadline are not checked, here and
// elsewhere: the read or write that follows returns them too.
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

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// interrupt makes the Read under way and later ones fail.
func (x *Exchange) interrupt() {
	x.interrupted.Store(true)
	x.net.SetReadDeadline(longAgo)
}

// exchangeStdout writes the response.
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

// check ends the context if the peer does not take the response.
func (o *exchangeStdout) check(err error) error {
	if gateway.PeerGone(err) {
		o.ctx.End(gateway.ErrClientGone)
	} else if err != nil {
		o.ctx.End(err)
	}
	return err
}
