package load

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// records is a response of FastCGI.
func records(body string) string {
	b := wire.AppendRecord(nil, wire.TypeStdout, 1, []byte("Content-Type: text/plain\r\n\r\n"+body))
	b = wire.AppendRecord(b, wire.TypeStdout, 1, nil)
	return string(wire.AppendRecord(b, wire.TypeEndRequest, 1, make([]byte, 8)))
}

// listen serves each connection by handle until the test ends, and returns the address.
func listen(t *testing.T, network string, handle func(net.Conn)) string {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().String()
}

const some = 20 * time.Millisecond

// TestRun: each response counts once, over kept connections and over new ones.
func TestRun(t *testing.T) {
	get := AppendGet(nil, 1, true)
	for _, network := range []string{"unix", "tcp"} {
		for _, keep := range []bool{true, false} {
			t.Run(fmt.Sprint(network, " keep ", keep), func(t *testing.T) {
				var served, conns atomic.Int64
				addr := listen(t, network, func(c net.Conn) {
					conns.Add(1)
					for buf := make([]byte, len(get)); ; {
						if _, err := io.ReadFull(c, buf); err != nil {
							return
						}
						served.Add(1)
						io.WriteString(c, records("hello"))
						if !keep {
							return
						}
					}
				})
				done, took, err := FastCGI(network, addr, get, keep).Run(3, some)
				if err != nil || done < 1 || took < some {
					t.Fatalf("%v responses in %v, %v", done, took, err)
				}
				if n := float64(served.Load()); done > n || keep && conns.Load() != 3 || !keep && float64(conns.Load()) < done {
					t.Errorf("%v responses counted, %v sent over %d connections", done, n, conns.Load())
				}
			})
		}
	}
}

// TestLargeRequest: a body that no buffer holds arrives whole, again and again.
func TestLargeRequest(t *testing.T) {
	request := AppendBody(AppendHead(nil, 1, map[string]string{"REQUEST_METHOD": "POST"}, true), 1, make([]byte, 4<<20))
	var bad atomic.Int64
	addr := listen(t, "unix", func(c net.Conn) {
		in := wire.NewRecordReader(bufio.NewReaderSize(c, 1<<16))
		for size := 0; ; {
			h, content, err := in.Next()
			if err != nil {
				return
			}
			if size += len(content); h.Type != wire.TypeStdin {
				size = 0
			} else if len(content) == 0 {
				if size != 4<<20 {
					bad.Add(1)
				}
				io.WriteString(c, records("ok"))
				size = 0
			}
		}
	})
	done, _, err := FastCGI("unix", addr, request, true).Run(2, 5*some)
	if err != nil || done < 1 || bad.Load() > 0 {
		t.Errorf("%v responses, %d requests not whole, %v", done, bad.Load(), err)
	}
}

// TestRunAt: all requests that are due in a span are sent, and each has a latency.
func TestRunAt(t *testing.T) {
	get := AppendGet(nil, 1, true)
	addr := listen(t, "unix", func(c net.Conn) {
		for buf := make([]byte, len(get)); ; {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			io.WriteString(c, records("hello"))
		}
	})
	l := FastCGI("unix", addr, get, true)
	done, took, times, err := l.RunAt(1000, 2, 5*some)
	if err != nil || done != 100 || took <= 0 || times.TotalCount() != 100 {
		t.Errorf("%v responses in %v, %d times, %v", done, took, times.TotalCount(), err)
	}
}

// TestExchange: a connection stays open for the next request; a response that is cut off is an
// error.
func TestExchange(t *testing.T) {
	addr := listen(t, "unix", func(c net.Conn) {
		for _, answer := range []string{records("a"), records("b"), records("c")[:10]} {
			c.Read(make([]byte, 4096))
			io.WriteString(c, answer)
		}
	})
	conn, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := FastCGI("unix", addr, AppendGet(nil, 1, true), true)
	for range 2 {
		if err := l.Exchange(conn); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Exchange(conn); err != io.EOF {
		t.Errorf("got %v; want %v", err, io.EOF)
	}
}

// TestRunOnce: a response of another length than the right one is an error.
func TestRunOnce(t *testing.T) {
	addr := listen(t, "unix", func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, records("hello"))
	})
	l := FastCGI("unix", addr, AppendGet(nil, 1, false), false)
	l.Size = 5
	if size, took, err := l.RunOnce(); size != 5 || took <= 0 || err != nil {
		t.Errorf("%d bytes in %v, %v", size, took, err)
	}
	l.Size = 6
	if _, _, err := l.RunOnce(); err == nil || err.Error() != "got 5 bytes in 1 responses; want 6 in each" {
		t.Errorf("got %v", err)
	}
}

func TestRunFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle func(net.Conn)
		keep   bool
		want   string
	}{
		{"closed", func(c net.Conn) { c.Read(make([]byte, 4096)) }, true, "closed without an answer"},
		{"cut", func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, "\x01\x06") }, false, "answer cut off"},
		{"not FastCGI", func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, "HTTP/1.1 400\r\n\r\n") }, true, "not FastCGI"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := listen(t, "unix", c.handle)
			_, _, err := FastCGI("unix", addr, AppendGet(nil, 1, c.keep), c.keep).Run(2, time.Minute)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %s", err, c.want)
			}
		})
	}
	if _, _, err := HTTP("127.0.0.1:1", "/").Run(1, some); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v where no server listens", err)
	}
}
