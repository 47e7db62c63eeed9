package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/util"
)

func TestKeepConnsFlag(t *testing.T) {
	for text, want := range map[string]keepConns{"auto": {}, "0": {true, 0}, "64": {true, 64}, "65535": {true, 65535}} {
		k := keepConns{true, 7}
		if err := k.Set(text); err != nil || k != want || k.String() != text {
			t.Errorf("%q: got %+v, %q, %v", text, k, k.String(), err)
		}
	}
	for _, text := range []string{"", "-1", "many", "65536", "1.5", "AUTO", " 1"} {
		k := keepConns{true, 7}
		if err := k.Set(text); err == nil || k != (keepConns{true, 7}) {
			t.Errorf("%q: got %+v, %v; want an error", text, k, err)
		}
	}
}

// wireApp is a FastCGI application with its own answer to FCGI_GET_VALUES. It answers requests with
// an empty page, and counts both.
type wireApp struct {
	values func(nc net.Conn) // answers FCGI_GET_VALUES

	mu       sync.Mutex
	asked    int // for values
	kept     int // requests with FCGI_KEEP_CONN
	requests int
}

// start serves a on l until the test ends.
func (a *wireApp) start(t *testing.T, l net.Listener) {
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer nc.Close()
				a.serve(nc)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
}

func (a *wireApp) serve(nc net.Conn) {
	records := wire.NewRecordReader(bufio.NewReader(nc))
	keep := false
	for {
		h, content, err := records.Next()
		switch {
		case err != nil:
			return
		case h.Type == wire.TypeGetValues:
			a.mu.Lock()
			a.asked++
			a.mu.Unlock()
			a.values(nc)
		case h.Type == wire.TypeBeginRequest:
			begin, _ := wire.ParseBeginRequest(content)
			keep = begin.KeepConn
		case h.Type == wire.TypeStdin && h.ContentLength == 0:
			a.count(keep)
			nc.Write(wire.AppendEndRequest(wire.AppendRecord(nil, wire.TypeStdout, h.ID, []byte("Content-Type: text/plain\r\n\r\n")), h.ID, wire.EndRequest{}))
		}
	}
}

func (a *wireApp) count(keep bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	if keep {
		a.kept++
	}
}

// counts returns the numbers of requests, of requests with FCGI_KEEP_CONN, and of FCGI_GET_VALUES
// records.
func (a *wireApp) counts() (requests, kept, asked int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests, a.kept, a.asked
}

// saysValues answers FCGI_GET_VALUES with a value of FCGI_MPXS_CONNS.
func saysValues(mpxs string) func(net.Conn) {
	return func(nc net.Conn) {
		nc.Write(wire.AppendRecord(nil, wire.TypeGetValuesResult, 0, wire.AppendPair(nil, "FCGI_MPXS_CONNS", mpxs)))
	}
}

// openAt opens a FastCGI target.
func openAt(t *testing.T, addr string, o targetOptions) *backend {
	t.Helper()
	a, err := listen.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBackend(a, addr, o, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.close() })
	return b
}

// askOnce performs one exchange.
func askOnce(b gateway.Backend) error {
	resp, err := b.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1"})})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// TestKeepConns checks the values of the flag. auto sends FCGI_GET_VALUES once, and keeps
// connections if the application multiplexes.
func TestKeepConns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		flag        keepConns
		values      func(net.Conn)
		kept, asked int
	}{
		{"auto, multiplexes", keepConns{}, saysValues("1"), 3, 1},
		{"auto, does not", keepConns{}, saysValues("0"), 0, 1},
		{"auto, says something else", keepConns{}, saysValues("yes"), 0, 1},
		{"auto, knows no values", keepConns{}, func(nc net.Conn) { nc.Write(wire.AppendUnknownType(nil, wire.TypeGetValues)) }, 0, 1},
		{"auto, closes", keepConns{}, func(nc net.Conn) { nc.Close() }, 0, 1},
		{"auto, silent", keepConns{}, func(nc net.Conn) {}, 0, 1},
		{"none", keepConns{true, 0}, saysValues("1"), 0, 0},
		{"by hand", keepConns{true, 2}, saysValues("0"), 3, 0},
	} {
		for _, gofast := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", gofast"}[gofast], func(t *testing.T) {
				t.Parallel()
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				app := &wireApp{values: test.values}
				app.start(t, l)
				b := openAt(t, "fastcgi://"+l.Addr().String(), targetOptions{keepConns: test.flag, gofast: gofast})
				for range 3 {
					if err := askOnce(b); err != nil {
						t.Error(err)
					}
				}
				if requests, kept, asked := app.counts(); requests != 3 || kept != test.kept || asked != test.asked {
					t.Errorf("%d requests, %d of them with FCGI_KEEP_CONN, and %d times FCGI_GET_VALUES; want 3, %d and %d",
						requests, kept, asked, test.kept, test.asked)
				}
			})
		}
	}
}

// If the application cannot be reached, the next request sends FCGI_GET_VALUES again.
func TestAutoKeepAsksLater(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	app := &wireApp{values: saysValues("1")}
	b := openAt(t, "fastcgi+unix:"+socket, targetOptions{})
	if err := askOnce(b); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("got %v; want that nothing is there", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	app.start(t, l)
	for range 2 {
		if err := askOnce(b); err != nil {
			t.Error(err)
		}
	}
	if _, kept, asked := app.counts(); kept != 2 || asked != 1 {
		t.Errorf("%d requests with FCGI_KEEP_CONN, asked %d times; want 2 and 1", kept, asked)
	}
	b.close() // which closes the connection that app waits for
}

// Connections to a server of this module are kept, for the time of --keep-idle.
func TestKeepIdle(t *testing.T) {
	addr := serveOn(t, &fastcgi.Server{App: gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil }), ErrorLog: quiet})
	b := openAt(t, "fastcgi://"+addr, targetOptions{keepIdle: time.Millisecond})
	if err := askOnce(b); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for p := b.pool(); p.Idle+p.Active > 0; p = b.pool() {
		if ctx.Err() != nil {
			t.Fatalf("got %+v; want the connection closed", p)
		}
	}
	if err := askOnce(b); err != nil || b.pool().Dials != 2 {
		t.Errorf("got %v, %+v; want a second connection", err, b.pool())
	}
}
