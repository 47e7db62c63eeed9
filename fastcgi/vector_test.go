package fastcgi_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
)

// mirror answers with the URI and the whole body, quoted.
func mirror(w gateway.ResponseWriter, r *gateway.Request) error {
	body, err := io.ReadAll(r.Stdin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s '%s'", r.Environ.Get("REQUEST_URI"), body)
	return err
}

// TestVectors replays what a web server may send. The expectation lists the records that come back,
// by id in ascending order, each part with its id before it: a response's URI and body, or only its
// status where that is not 200; the name of another end; what management records say. Then "closed"
// where the server closed first, and "log" with a part of the line that it logged.
func TestVectors(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		for _, v := range vectors.Load(t, "../testdata/fastcgi") {
			if onNethttp(t) {
				v.Data = withRequired(v.Data)
			}
			v.Replay(t, func(t *testing.T, r io.Reader) {
				srv := startApp(t, mirror)
				c := dial(t, srv.addr)
				io.Copy(struct{ io.Writer }{c}, r) // fails where the server closes early
				got := describe(c, strings.HasSuffix(v.Expect, "closed"))
				srv.stop(t)
				want, reason, logs := strings.Cut(v.Expect, "log ")
				if listed := onNethttp(t) && differences[v.Name].reason != ""; got != strings.TrimSuffix(want, "; ") && !listed {
					t.Errorf("got %q; want %q", got, want)
				}
				said := reasons(srv.log.String())
				if logs && (len(said) != 1 || !strings.Contains(said[0], reason)) || !logs && len(said) != 0 {
					t.Errorf("logged %q; want %q", srv.log, reason)
				}
			})
		}
	})
}

// describe reads all that comes and writes it down the way the vectors do.
func describe(c *client, mustClose bool) string {
	if !mustClose {
		c.Conn.(*net.UnixConn).CloseWrite()
	}
	var parts []string
	responses := make(map[uint16]string)
	var r record
	var err error
	for r, err = c.read(); err == nil; r, err = c.read() {
		switch r.kind {
		case typeStdout:
			responses[r.id] += r.content
		case typeEnd:
			parts = append(parts, fmt.Sprintf("%d: %s", r.id, describeEnd(responses[r.id], r.content[4])))
			delete(responses, r.id)
		case typeUnknownType:
			parts = append(parts, fmt.Sprintf("%d: unknown type %d", r.id, r.content[0]))
		case typeGetValuesResult:
			parts = append(parts, fmt.Sprintf("%d: %s", r.id, describeValues(r.content)))
		}
	}
	slices.SortStableFunc(parts, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	if mustClose && err == io.EOF {
		parts = append(parts, "closed")
	}
	return strings.Join(parts, "; ")
}

func describeEnd(response string, status byte) string {
	names := []string{"FCGI_REQUEST_COMPLETE", "FCGI_CANT_MPX_CONN", "FCGI_OVERLOADED", "FCGI_UNKNOWN_ROLE"}
	switch {
	case response == "":
		return names[status]
	case strings.HasPrefix(response, "Status: 200 "):
		return body(response)
	default:
		return response[len("Status: "):][:3]
	}
}

func describeValues(content string) string {
	text := "values"
	for content != "" {
		name, value, rest, err := wire.CutPair(content)
		if err != nil {
			return err.Error()
		}
		text += " " + name + "=" + value
		content = rest
	}
	return text
}

// FuzzConn sends anything to both engines: they must not panic, hang or take more memory than a
// request may, and what they answer must have been asked.
func FuzzConn(f *testing.F) {
	for _, v := range vectors.Load(f, "../testdata/fastcgi") {
		f.Add(v.Data)
	}
	app, log := gateway.AppFunc(mirror), slog.New(slog.DiscardHandler)
	var addrs []string
	for _, srv := range []engine{
		&fastcgi.Server{App: app, ErrorLog: log, Filter: fastcgi.FilterFunc(tell), Authorizer: fastcgi.AuthorizerFunc(
			func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Allow(), nil })},
		&nethttp.Server{App: app, ErrorLog: log},
	} {
		l, err := net.Listen("unix", filepath.Join(f.TempDir(), "s"))
		if err != nil {
			f.Fatal(err)
		}
		go srv.Serve(l)
		f.Cleanup(func() { srv.Close() })
		addrs = append(addrs, l.Addr().String())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, addr := range addrs {
			fuzzConn(t, addr, data)
		}
		if heap() > mostHeap {
			if runtime.GC(); heap() > mostHeap {
				t.Errorf("%d bytes are in use", heap())
			}
		}
	})
}

// mostHeap is 64 MiB, where a connection has at most 4 MiB of variables, and 100 MiB that package
// testing takes to fuzz.
const mostHeap = 64<<20 + 100<<20

// heap returns the bytes of memory in use, garbage among them.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// fuzzConn sends data on a connection of its own and reads to its end.
func fuzzConn(t *testing.T, addr string, data []byte) {
	nc, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	c := &client{t, nc}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		nc.Write(data)
		nc.(*net.UnixConn).CloseWrite()
	}()
	asked := begunIn(data)
	for {
		r, err := c.read()
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatalf("no answer and no end to %q", data)
		}
		if err != nil {
			break
		}
		if r.id != 0 && !asked[r.id] {
			t.Errorf("%+v answers a request that was not begun", r)
		}
	}
	nc.Close()
	<-sent
}

// begunIn returns the ids of the BEGIN_REQUEST records in data.
func begunIn(data []byte) map[uint16]bool {
	ids := make(map[uint16]bool)
	for len(data) >= 8 && data[0] == 1 {
		if data[1] == typeBegin {
			ids[binary.BigEndian.Uint16(data[2:])] = true
		}
		size := 8 + int(binary.BigEndian.Uint16(data[4:])) + int(data[6])
		data = data[min(size, len(data)):]
	}
	return ids
}
