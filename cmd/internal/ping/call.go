package ping

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// call is one question to a socket. It connects by itself, since a client of package fastcgi or
// scgi waits where a queue is full, and does not tell a connection that is not made from one that
// is not answered.
type call struct {
	target   target.Target
	question []byte
	second   []byte // asked if the connection was closed without an answer to question; nil for none
	read     func(net.Conn) (answer, error)

	connectTimeout time.Duration // 0 for none but the context
	timeout        time.Duration // of the context, for the user
	silence        string        // what no answer means, if not that the application is busy
}

// run asks. Its error is a *trouble.
func (c *call) run(ctx context.Context) (answer, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	other := c.watchSilence(ctx)
	_, writeErr := conn.Write(c.question) // an answer may come to a question that was not read to its end
	heard := &heardConn{Conn: conn}
	a, err := c.read(heard)
	spoken := other(heard.first.kept)
	if err == nil {
		return a, c.checkProtocol(ctx, a, heard.first.String())
	}
	if c.second != nil && len(heard.first.kept) == 0 && ctx.Err() == nil {
		again := *c
		again.question, again.second = c.second, nil
		if a, err := again.run(ctx); err == nil {
			return a, nil
		}
	}
	return a, c.explain(ctx, errors.Join(err, writeErr), heard.first.kept, spoken)
}

// checkProtocol refuses an answer of another protocol that reads like one of the right one: the 400
// of a web server to SCGI, and a head without a status line to HTTP.
func (c *call) checkProtocol(ctx context.Context, a answer, first string) error {
	switch {
	case c.target.Protocol == "http" && !target.IsHTTP(first):
		return c.wrongProtocol("scgi")
	case c.target.Protocol == "scgi" && a.status == 400 && target.IsHTTP(first) && c.target.SpeaksHTTP(ctx):
		return c.wrongProtocol("http")
	}
	return nil
}

func (c *call) wrongProtocol(spoken string) error {
	_, place := c.target.Place()
	return newTrouble(Unhealthy, c.target.SpokenHint(spoken), "%s: the answer is not %s", place, target.Title(c.target.Protocol))
}

// heardConn keeps the first bytes that came.
type heardConn struct {
	net.Conn
	first firstBytes
}

// Read implements io.Reader.
func (h *heardConn) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.first.Write(p[:n])
	return n, err
}

// dial connects, and tells a full queue from a dead application.
func (c *call) dial(ctx context.Context) (net.Conn, error) {
	if c.connectTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.connectTimeout)
		defer cancel()
	}
	conn, err := c.target.Dial(ctx)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, syscall.EAGAIN):
		return nil, newTrouble(Busy, cli.Hint(err), "%v", err)
	case !errors.Is(err, target.ErrTimedOut) && !errors.Is(err, syscall.ETIMEDOUT):
		return nil, newTrouble(Dead, cli.Hint(err), "%v", err)
	}
	q := readQueue(c.target)
	if q.full() {
		return nil, newTrouble(Busy, "the queue of waiting connections is full", "%v", err)
	}
	return nil, newTrouble(Dead, cli.Hint(err), "%v, %v", err, q)
}

// watchSilence asks on a second connection whether HTTP is spoken there, when three quarters of the
// time have passed: a server that waits for the end of a line of HTTP would look busy. It does not
// while a queue is not empty, nor where the question itself ends the head of an HTTP request.
func (c *call) watchSilence(ctx context.Context) (spoken func(heard []byte) string) {
	if c.timeout <= 0 || bytes.HasSuffix(c.question, []byte("\r\n\r\n")) {
		return func(heard []byte) string { return target.Spoken(string(heard)) }
	}
	found := make(chan string, 1)
	timer := time.AfterFunc(c.timeout*3/4, func() {
		protocol := ""
		if readQueue(c.target).Waiting == 0 && c.target.SpeaksHTTP(ctx) {
			protocol = "http"
		}
		found <- protocol
	})
	return func(heard []byte) string {
		if timer.Stop() || len(heard) > 0 {
			return target.Spoken(string(heard))
		}
		return <-found
	}
}

// explain says why there was no whole answer. First is what came of it.
func (c *call) explain(ctx context.Context, err error, first []byte, spoken string) error {
	_, place := c.target.Place()
	late := errors.Is(err, os.ErrDeadlineExceeded)
	known := (*trouble)(nil)
	switch {
	case errors.As(err, &known):
		return newTrouble(known.state, known.hint, "%s: %s", place, known.cause)
	case spoken != "" && spoken != c.target.Protocol && !(late && len(first) > 0):
		return c.wrongProtocol(spoken)
	case late && len(first) == 0:
		return c.busy(place)
	case late:
		return newTrouble(Unhealthy, "", "%s: the answer did not end in %v", place, c.timeout)
	case len(first) == 0:
		return c.closed(ctx, place, err)
	}
	return newTrouble(Unhealthy, fmt.Sprintf("the answer begins with %.40q", first), "%s: %s", place, causeOf(err))
}

// busy is an application that has accepted, or that the kernel has accepted for, and that is
// silent.
func (c *call) busy(place string) error {
	q := readQueue(c.target)
	before := ""
	if c.silence != "" && q.Waiting == 0 {
		before = c.silence + ": "
	}
	waiting := q.String()
	if q.Known {
		waiting = fmt.Sprintf("%d wait in the queue of %d", q.Waiting, q.Limit)
	}
	return newTrouble(Busy, "", "%s%s: connected, no answer in %v, %s", before, place, c.timeout, waiting)
}

// closed is an application that closed the connection without a byte.
func (c *call) closed(ctx context.Context, place string, err error) error {
	const cause = "closed the connection without an answer"
	hint := cli.Hint(c.target.Explain(ctx, err))
	if hint == "" && c.target.Protocol == "fastcgi" {
		hint = "php-fpm does so to clients that listen.allowed_clients does not name; other applications may need --path"
	}
	return newTrouble(Unhealthy, hint, "%s: %s", place, cause)
}
