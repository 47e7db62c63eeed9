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

// say sends size bytes of STDOUT for a request, in records of 60,000 bytes.
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
		one, two := c.reserve(true).owner.(*stream), c.reserve(true).owner.(*stream)
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

// most is how much a stream buffers before its connection waits for the reader, in records of
// 60,000 bytes.
const most = 5 * 60_000

// While the connection waits for the reader of another response, the timeout of a Read does not
// run.
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

// A reader that reads something within each ReadTimeout keeps its response. One that reads nothing
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
		if one.shared.reserve(true) != nil {
			t.Error("a connection that waits for its reader takes requests")
		}
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if n := one.shared.mux.stalled.Load(); n != 1 || one.shared.slow.Load() != 0 {
			t.Errorf("%d requests stalled, %d streams are slow; want 1 and 0", n, one.shared.slow.Load())
		}
		if _, err := one.Read(make([]byte, 1)); err != errUnread {
			t.Errorf("got %v; want %v", err, errUnread)
		}
		if id := <-a.aborted; id != one.id {
			t.Errorf("request %d was aborted; want %d", id, one.id)
		}
		if s := one.shared.reserve(true); s == nil {
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

// A connection accepts requests again when the slow reader has emptied half of the buffer, or has
// closed its response.
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
				if one.shared.reserve(true) != nil {
					t.Error("it takes requests while one stream is slow")
				}
				catchUp(one)
				if s := one.shared.reserve(true); s == nil {
					t.Error("it takes no requests")
				} else {
					s.owner.release(s)
				}
			})
		})
	}
}
