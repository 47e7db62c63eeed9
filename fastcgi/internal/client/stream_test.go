package client

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// application is the far end of a shared connection in a bubble of synctest.
type application struct {
	net.Conn
	aborted chan uint16 // ids of FCGI_ABORT_REQUEST
}

// say sends so many bytes of STDOUT for a request, in records of 60,000.
func (a *application) say(id uint16, size int) {
	for ; size > 0; size -= 60_000 {
		a.Write(wire.AppendPadded(nil, wire.TypeStdout, id, make([]byte, min(size, 60_000)), 0))
	}
}

func (a *application) read() {
	records := wire.NewRecordReader(a)
	for {
		h, _, err := records.Next()
		if err != nil {
			return
		}
		if h.Type == wire.TypeAbortRequest {
			a.aborted <- h.ID
		}
	}
}

// inBubble runs test with a shared connection and the streams of two requests that have begun.
func inBubble(t *testing.T, readTimeout time.Duration, test func(t *testing.T, a *application, one, two *stream)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		a := &application{far, make(chan uint16, 2)}
		go a.read()
		p, s := new(pool), &Settings{Dialer: transport.Dialer{ReadTimeout: readTimeout}, MaxIdleConns: 1}
		c := newSharedConn(new(mux), p, newConn(new(transport.Call).On(near), p), s)
		one, two := c.open(true).owner.(*stream), c.open(true).owner.(*stream)
		for _, s := range []*stream{one, two} {
			s.Write(wire.AppendBeginRequest(nil, s.id, wire.BeginRequest{}))
		}
		ended := make(chan bool)
		go func() {
			c.read()
			close(ended)
		}()
		test(t, a, one, two)
		far.Close()
		one.Close()
		two.Close()
		<-ended
	})
}

// most is what a stream takes before its connection waits for the reader, at 60,000 bytes a record.
const most = 5 * 60_000

// While the connection waits for the reader of another response, the wait for a record does not go
// on.
func TestStreamWaitsNoLongerThanItsDeadline(t *testing.T) {
	inBubble(t, -1, func(t *testing.T, a *application, one, two *stream) {
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			go a.say(one.id, most+2*60_000)
			time.Sleep(10 * time.Second)
			io.CopyN(io.Discard, one, most)
		}()
		two.SetReadDeadline(began.Add(3 * time.Second))
		_, err := two.Read(make([]byte, 1))
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != 13*time.Second {
			t.Errorf("got %v after %v; want the deadline, 10 s later than it was set", err, took)
		}
	})
}

// A reader that takes something within each ReadTimeout keeps its response; one that takes nothing
// loses it.
func TestStreamStalls(t *testing.T) {
	inBubble(t, time.Minute, func(t *testing.T, a *application, one, two *stream) {
		go a.say(one.id, most+5*60_000)
		for range 10 {
			time.Sleep(59 * time.Second)
			if _, err := io.ReadFull(one, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
		}
		if one.shared.open(true) != nil {
			t.Error("a connection that waits for its reader takes requests")
		}
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if n := one.shared.mux.stalled.Load(); n != 1 || one.shared.behind.Load() != 0 {
			t.Errorf("%d requests stalled, %d are behind; want 1 and 0", n, one.shared.behind.Load())
		}
		if _, err := one.Read(make([]byte, 1)); err != errUnread {
			t.Errorf("got %v; want %v", err, errUnread)
		}
		if id := <-a.aborted; id != one.id {
			t.Errorf("request %d was aborted; want %d", id, one.id)
		}
		if s := one.shared.open(true); s == nil {
			t.Error("the connection takes no requests")
		} else {
			s.owner.release(s)
		}
		go a.say(two.id, 10)
		if _, err := io.ReadFull(two, make([]byte, 10)); err != nil {
			t.Errorf("the other request: %v", err)
		}
	})
}

// A connection takes requests again when its reader has caught up by half of the buffer, or needs
// no more.
func TestStreamCatchesUp(t *testing.T) {
	for name, catchUp := range map[string]func(s *stream){
		"reads":  func(s *stream) { io.CopyN(io.Discard, s, most+wire.HeaderSize*6-streamBuffer/2) },
		"closes": func(s *stream) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, -1, func(t *testing.T, a *application, one, two *stream) {
				go a.say(one.id, most+60_000)
				synctest.Wait()
				io.CopyN(io.Discard, one, 60_000)
				synctest.Wait()
				if one.shared.open(true) != nil {
					t.Error("it takes requests while one response lags behind")
				}
				catchUp(one)
				if s := one.shared.open(true); s == nil {
					t.Error("it takes no requests")
				} else {
					s.owner.release(s)
				}
			})
		})
	}
}
