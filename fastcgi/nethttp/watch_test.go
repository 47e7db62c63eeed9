package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// TestForgedVariable has each of two requests say that it is the other one.
func TestForgedVariable(t *testing.T) {
	s := start(t, &Server{App: say("ME")})
	c := s.dial().send(begin(1), begin(2), params(1, "ME", "one", requestVariable, "2"), params(2, requestVariable, "1", "ME", "two"))
	for id, want := range map[uint16]string{1: "one", 2: "two"} {
		if got := c.send(stdinRecord(id, "")).body(); got != want {
			t.Errorf("request %d got %q; want %q", id, got, want)
		}
	}
}

// TestVariableIsNotTheApps: the App sees the variable only where the web server has sent it.
func TestVariableIsNotTheApps(t *testing.T) {
	s := start(t, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		for name, value := range r.Environ.All() {
			fmt.Fprintf(w, "%s=%s ", name, value)
		}
		return nil
	})})
	c := s.dial()
	const required = "REQUEST_METHOD=GET SERVER_PROTOCOL=HTTP/1.1"
	if got := c.send(get(1, "A", "1", "A", "2")).body(); got != required+" A=1 A=2 " {
		t.Errorf("got %q", got)
	}
	if got := c.send(get(1, requestVariable, "9")).body(); got != required+" "+requestVariable+"=9 " {
		t.Errorf("got %q; want what the web server sent", got)
	}
}

// parked is an App that waits for the end of its context, says so, and returns when it may.
type parked struct {
	entered chan struct{}
	ended   chan error // the cause
	release chan struct{}
	wrote   chan error // what a Write after that gives
}

func park() *parked {
	return &parked{make(chan struct{}, 9), make(chan error, 9), make(chan struct{}), make(chan error, 9)}
}

func (p *parked) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("NEXT") != "" {
		_, err := io.WriteString(w, "next")
		return err
	}
	p.entered <- struct{}{}
	<-r.Context().Done()
	p.ended <- context.Cause(r.Context())
	<-p.release
	_, err := w.Write(make([]byte, 100_000))
	p.wrote <- err
	return err
}

// TestAbort: net/http/fcgi would end an aborted request while its handler runs, or not hear of it
// at all. Here the context ends, the request ends with its App, and then its id is free.
func TestAbort(t *testing.T) {
	for name, body := range map[string][]byte{
		"within STDIN": stdinRecord(1, "part"),
		"after STDIN":  stdinRecord(1, ""),
	} {
		t.Run(name, func(t *testing.T) {
			p := park()
			s := start(t, &Server{App: p})
			c := s.dial().send(head(1), body)
			receive(t, p.entered, "the App")
			c.send(abort(1))
			if cause := receive(t, p.ended, "the end of the context"); cause != gateway.ErrClientGone {
				t.Errorf("the context ended with %v", cause)
			}
			// The first record that comes is of request 2.
			if got := c.send(get(2, "NEXT", "1")).body(); got != "next" {
				t.Errorf("a request beside it got %q", got)
			}
			c.send(stdinRecord(1, "late"), abort(1)) // which mean nothing any more
			close(p.release)
			if err := receive(t, p.wrote, "the App"); !gateway.PeerGone(err) {
				t.Errorf("the App's Write gave %v; want an error that says that nobody takes it", err)
			}
			c.want(stdoutOf(1, ""), endOf(1, wire.RequestComplete))
			if got := c.send(get(1, "NEXT", "1")).body(); got != "next" {
				t.Errorf("the next request of that id got %q", got)
			}
			if log := s.log.String(); log != "" {
				t.Errorf("logged %q", log)
			}
		})
	}
}

// TestAbortBeforeStdin aborts a request that is held back: net/http/fcgi never gets it, and the id
// is free at once.
func TestAbortBeforeStdin(t *testing.T) {
	s := start(t, &Server{App: say("ME"), MaxRequests: 1})
	c := s.dial()
	for _, sent := range [][]byte{begin(1), begin(1), head(1), head(1)} {
		c.send(sent, abort(1)).want(endOf(1, wire.RequestComplete))
	}
	if got := c.send(get(1, "ME", "me")).body(); got != "me" {
		t.Errorf("got %q", got)
	}
}

// TestIDInUse: an id that is used again before its request has ended gets no answer of the old
// handler: the connection ends.
func TestIDInUse(t *testing.T) {
	p := park()
	s := start(t, &Server{App: p})
	c := s.dial().send(get(1))
	receive(t, p.entered, "the App")
	c.send(abort(1))
	receive(t, p.ended, "the end of the context")
	c.send(get(1, "NEXT", "1"))
	if got := c.next(); got != io.EOF.Error() {
		t.Errorf("got %q; want the end of the connection", got)
	}
	close(p.release)
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "request 1 begun again while it is open") {
		t.Errorf("logged %q", log)
	}
}

// TestBodyAfterTheAnswer: the rest of a body whose App has answered never gets to net/http/fcgi, so
// that the id is free.
func TestBodyAfterTheAnswer(t *testing.T) {
	s := start(t, &Server{App: say("ME")})
	c := s.dial()
	for i := range 3 {
		want := fmt.Sprint("me ", i)
		if got := c.send(head(1, "ME", want), stdinRecord(1, "part")).body(); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
		c.send(stdinRecord(1, strings.Repeat("x", 60_000)))
	}
}

// TestHeldBack: without the first record of its body a request is not begun, and its wait is
// bounded.
func TestHeldBack(t *testing.T) {
	s := start(t, &Server{App: say("ME"), ReadTimeout: 50 * time.Millisecond})
	if got := s.dial().send(head(1)).next(); got != io.EOF.Error() {
		t.Errorf("got %q; want the end of the connection", got)
	}
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "within ReadTimeout") {
		t.Errorf("logged %q", log)
	}
}

// manyRecords is a body without its end.
func manyRecords(id uint16, size int) (records []byte) {
	for ; size > 0; size -= 50_000 {
		records = append(records, stdinRecord(id, strings.Repeat("x", min(size, 50_000)))...)
	}
	return records
}

// TestReadAhead: what net/http/fcgi does not take is read ahead up to the bound. An ABORT within it
// is acted on at once, and one beyond it when there is room.
func TestReadAhead(t *testing.T) {
	for name, size := range map[string]int{"within": aheadMost / 2, "beyond": 2 * aheadMost} {
		t.Run(name, func(t *testing.T) {
			read := make(chan struct{})
			ended := make(chan struct{})
			s := start(t, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				select {
				case <-r.Context().Done():
				case <-read:
				}
				io.Copy(io.Discard, r.Stdin)
				<-r.Context().Done()
				close(ended)
				return nil
			})})
			c := s.dial()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				c.Write(append(append(head(1), manyRecords(1, size)...), abort(1)...))
			}()
			if name == "beyond" {
				waitFull(t, s)
				close(read)
			}
			receive(t, ended, "the end of the context")
			receive(t, sent, "the peer")
			c.want(stdoutOf(1, ""), endOf(1, wire.RequestComplete))
		})
	}
}

// waitFull waits until the watch waits for room: one connection is read, and its reader has
// stopped.
func waitFull(t *testing.T, s *running) {
	t.Helper()
	stack := make([]byte, 1<<20)
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if strings.Contains(string(stack[:runtime.Stack(stack, true)]), "nethttp.(*conn).waitForRoom") {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the connection is still read")
		}
	}
}

// TestGoneWhileFull: the end of a connection is noticed though nothing is read from it, and what
// came is there to be read.
func TestGoneWhileFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	ended, got := make(chan struct{}), make(chan string, 1)
	s := start(t, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		<-r.Context().Done()
		close(ended)
		n, err := io.Copy(io.Discard, r.Stdin)
		got <- fmt.Sprint(n > aheadMost, errors.Is(err, io.ErrUnexpectedEOF))
		return err
	})})
	c := s.dial()
	go func() {
		c.Write(append(head(1), manyRecords(1, aheadMost+100_000)...))
		c.Close()
	}()
	receive(t, ended, "the end of the context")
	if got := receive(t, got, "the App"); got != "true true" {
		t.Errorf("all was read, and then an io.ErrUnexpectedEOF: got %s", got)
	}
}

// TestPlainPeer shows what the watch is for: net/http/fcgi alone answers an aborted request while
// its handler runs, and gives the bytes of the handler to the next request of that id. When this
// test fails, net/http/fcgi has changed, and the watch may do less.
func TestPlainPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	release := make(chan struct{})
	go fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			io.ReadFull(r.Body, make([]byte, 4))
			<-release
			io.WriteString(w, "old")
		}
	}))
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	c := &client{t, nc, wire.NewRecordReader(nc)}
	c.send(head(1, "REQUEST_URI", "/old"), stdinRecord(1, "part"), abort(1)).want(endOf(1, wire.RequestComplete))
	c.send(head(1, "REQUEST_URI", "/new")) // its STDIN is still to come
	close(release)
	if got := c.answer(); !strings.HasSuffix(got, "old") {
		t.Errorf("the new request got %q; want the old one's body", got)
	}
}
