package fastcgi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// stdRequest is one request on a stdConn.
type stdRequest struct {
	conn     *stdConn
	id       uint16 // the web server's number for it
	slot     uint16 // ours: net/http/fcgi knows it by this one
	keepConn bool
	begun    time.Time

	// The connection's reader changes these, under conn.mu where others look at them.
	params      []byte // so far
	paramsBytes int64  // counted against the connection's bound; under conn.mu
	paramsEnded bool
	environ     *util.Environ
	refusal     gateway.App // answers in the App's place; nil for the App itself

	stdin  *stdin
	ctx    context.Context
	cancel context.CancelFunc

	bodyEnded bool // guarded by conn.mu

	// For the goroutine of the request alone.
	headDropped bool   // net/http/fcgi's own head
	returned    bool   // the App has
	last        []byte // of the response: what net/http/fcgi had in its buffer then

	// Guarded by conn.wmu.
	ended      bool // END_REQUEST was sent, or never will be
	aborted    bool // by the web server
	stderrUsed bool
}

func newStdRequest(c *stdConn, id uint16, keepConn bool) *stdRequest {
	r := &stdRequest{conn: c, id: id, keepConn: keepConn, begun: time.Now(), stdin: newStdin()}
	r.ctx, r.cancel = context.WithCancel(c.ctx)
	return r
}

// run calls the App with w as net/http/fcgi's side of the response, and returns an error where the response is not whole.
func (r *stdRequest) run(w http.ResponseWriter) error {
	ctx, server := r.ctx, r.conn.server
	if server.RequestTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, server.RequestTimeout)
		defer cancel()
	}
	h := gateway.BaseCGIHandler{
		Environ:      r.environ,
		Stdin:        r.stdin,
		StdinStream:  true,
		Stdout:       stdout{w},
		Stderr:       stderr{r},
		Multithread:  true,
		MaxBodyBytes: server.MaxBodyBytes,
		Refused:      server.Refused,
	}
	app := r.refusal
	if app == nil {
		app, h.EscapedPath = r.app()
	}
	return h.Run(ctx, app)
}

// app returns what answers the request, and the path as it was sent where Mount was applied to it.
func (r *stdRequest) app() (app gateway.App, sent string) {
	sent, err := exchange.Mount(r.environ, r.conn.server.Mount)
	if err != nil {
		return gateway.Refuse(err), sent
	}
	return r.conn.server.App, sent
}

// stdout is the response on its way through net/http/fcgi, which buffers 64 KiB of it.
type stdout struct{ w http.ResponseWriter }

func (s stdout) Write(p []byte) (int, error) { return s.w.Write(p) }

// Flush implements gateway.Flusher. http.Flusher has no error; writing nothing gives the one that the buffer met.
func (s stdout) Flush() error {
	s.w.(http.Flusher).Flush()
	_, err := s.w.Write(nil)
	return err
}

// stderr is the request's way to the web server's error log. It may be used from several goroutines at the same time, until the App
// returns.
type stderr struct{ r *stdRequest }

// Write sends STDERR records. What cannot be sent, as nobody is there any more, goes to ErrorLog: it may be why an App panicked.
func (s stderr) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), wire.MaxContent&^7)]
		if err := s.r.conn.write(s.r, wire.TypeStderr, part); err != nil {
			if !errors.Is(err, gateway.ErrFinished) {
				s.r.conn.server.log().Warn("error output of a request whose web server is gone", "text", string(p[:min(len(p), 4096)]))
			}
			return n, err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, nil
}
