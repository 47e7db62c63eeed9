package nethttp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// sink is a connection that takes everything and gives nothing.
type sink struct {
	net.Conn
	wrote      []byte
	sideClosed bool
}

func (s *sink) Write(p []byte) (int, error)      { s.wrote = append(s.wrote, p...); return len(p), nil }
func (s *sink) Close() error                     { return nil }
func (s *sink) CloseWrite() error                { s.sideClosed = true; return nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }
func (s *sink) RemoteAddr() net.Addr             { return &net.UnixAddr{} }

// bench is a conn without net/http/fcgi and without a peer.
type bench struct {
	*conn
	sink *sink
}

// newBench returns a maker of conns of s, which may be used one after another.
func newBench(t testing.TB, s *Server) func() *bench {
	near, far := net.Pipe()
	tracked, ended := make(chan *transport.Conn), make(chan struct{})
	s.ErrorLog = slog.New(slog.DiscardHandler)
	go s.conns.Serve(&oneConn{near}, transport.Service{Log: s.ErrorLog, Handle: func(_ context.Context, c *transport.Conn) {
		tracked <- c
		<-ended
	}})
	t.Cleanup(func() {
		close(ended)
		far.Close()
		s.Close()
	})
	c := <-tracked
	return func() *bench {
		b := &bench{sink: new(sink)}
		c.Net = b.sink
		b.conn = newConn(context.Background(), s, c, s.ErrorLog)
		return b
	}
}

// split cuts whole records apart.
func split(records []byte) (all [][]byte) {
	for len(records) > 0 {
		h, err := wire.ParseHeader([wire.HeaderSize]byte(records))
		if err != nil {
			panic(err)
		}
		size := wire.HeaderSize + h.ContentLength + h.PaddingLength
		all = append(all, records[:size])
		records = records[size:]
	}
	return all
}

// receive has records come from the web server.
func (b *bench) receive(t testing.TB, records []byte) {
	t.Helper()
	for _, record := range split(records) {
		h, _ := wire.ParseHeader([wire.HeaderSize]byte(record))
		if err := b.handleRecord(h, record); err != nil {
			t.Fatal(err)
		}
	}
}

// answered has net/http/fcgi end a request whose App has returned err.
func (b *bench) answered(id uint16, err error) {
	b.appReturned(b.find(id), err)
	b.handleAnswer(wire.AppendRecord(nil, wire.TypeStdout, id, nil))
	b.handleAnswer(refusal(id, wire.RequestComplete))
}

// TestStates is the life of a connection, step by step.
func TestStates(t *testing.T) {
	const keep = true
	request := func(id uint16, keep bool) func(b *bench) {
		return func(b *bench) {
			first := wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: wire.RoleResponder, KeepConn: keep})
			b.receive(t, append(append(first, params(id)...), stdinRecord(id, "")...))
		}
	}
	finish := func(id uint16) func(b *bench) { return func(b *bench) { b.answered(id, nil) } }
	fail := func(id uint16) func(b *bench) { return func(b *bench) { b.answered(id, gateway.ErrBroken) } }
	abortHeld := func(id uint16, keep bool) func(b *bench) {
		return func(b *bench) {
			first := wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: wire.RoleResponder, KeepConn: keep})
			b.receive(t, append(first, abort(id)...))
		}
	}
	type step struct {
		do   func(b *bench)
		want state
	}
	for _, test := range []struct {
		name  string
		steps []step
		last  string // what was written last: the id of an END_REQUEST with its status, or "mark"
	}{
		{"kept", []step{{request(1, keep), serving}, {finish(1), serving}, {request(1, keep), serving}, {finish(1), serving}}, "1 0"},
		{"not kept", []step{{request(1, !keep), serving}, {finish(1), ended}}, "1 0"},
		{"not kept beside another", []step{{request(1, !keep), serving}, {request(2, keep), serving}, {finish(1), closing},
			{request(3, keep), closing}, {finish(2), ended}}, "2 0"},
		{"refused while closing", []step{{request(1, !keep), serving}, {request(2, keep), serving}, {finish(1), closing},
			{request(3, keep), closing}}, "3 1"},
		{"incomplete", []step{{request(1, keep), serving}, {fail(1), ended}}, "mark"},
		{"incomplete beside another", []step{{request(1, keep), serving}, {request(2, keep), serving}, {fail(1), breaking},
			{request(3, keep), breaking}, {finish(2), ended}}, "mark"},
		{"incomplete beside one that is not kept", []step{{request(1, keep), serving}, {request(2, !keep), serving}, {fail(1), breaking},
			{finish(2), ended}}, "mark"},
		{"incomplete while closing", []step{{request(1, !keep), serving}, {request(2, keep), serving}, {finish(1), closing}, {fail(2), ended}}, "mark"},
		{"aborted while held", []step{{abortHeld(1, keep), serving}, {abortHeld(1, !keep), ended}}, "1 0"},
		{"after the end", []step{{request(1, !keep), serving}, {finish(1), ended}, {request(2, keep), ended}, {abortHeld(3, !keep), ended}}, "1 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, new(Server))()
			for i, step := range test.steps {
				if step.do(b); b.state != step.want {
					t.Errorf("step %d: got state %d; want %d", i, b.state, step.want)
				}
			}
			if got := lastWritten(b.sink.wrote); got != test.last {
				t.Errorf("got %s last; want %s", got, test.last)
			}
			if b.sink.sideClosed != (b.state == ended) {
				t.Errorf("our side is closed: %t", b.sink.sideClosed)
			}
		})
	}
}

// lastWritten describes the last record.
func lastWritten(wrote []byte) string {
	if strings.HasSuffix(string(wrote), breakMark) {
		return "mark"
	}
	all := split(wrote)
	record := all[len(all)-1]
	return fmt.Sprintf("%d %d", record[3], record[wire.HeaderSize+4])
}

// TestPassedOn: net/http/fcgi gets the records of a request unchanged and at once, and one more
// PARAMS record before the end of its PARAMS. It does not get the records that it must not handle.
func TestPassedOn(t *testing.T) {
	b := newBench(t, new(Server))()
	padded := func(t wire.RecordType, id uint16, content string) []byte {
		record := wire.AppendPadded(nil, t, id, []byte(content), 3)
		copy(record[len(record)-3:], "pad")
		record[7] = 99 // reserved
		return record
	}
	pair := wire.AppendPair(nil, requestVariable, "7")
	first := [][]byte{padded(wire.TypeBeginRequest, 7, "\x00\x01\x01......"[:8]), padded(wire.TypeParams, 7, "\x01"), padded(wire.TypeParams, 7, "\x01AB")}
	last := [][]byte{padded(wire.TypeParams, 7, ""), padded(wire.TypeStdin, 7, "body"), padded(wire.TypeStdin, 7, "")}
	ignored := [][]byte{abort(9), padded(wire.TypeStdin, 9, "x"), padded(wire.TypeData, 7, "x"), padded(99, 7, "x"), padded(wire.TypeStdout, 7, "x")}
	values := padded(wire.TypeGetValues, 0, "")
	for _, record := range slices.Concat(first, ignored, last[:1], ignored, [][]byte{values}, last[1:], ignored, last[1:]) {
		b.receive(t, record)
	}
	want := bytes.Join(slices.Concat([][]byte{values}, first, [][]byte{wire.AppendRecord(nil, wire.TypeParams, 7, pair)}, last), nil)
	if got := b.ahead.data.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	b.answered(7, nil)
}

// TestAnswersPass: what net/http/fcgi writes goes out byte for byte.
func TestAnswersPass(t *testing.T) {
	b := newBench(t, new(Server))()
	b.receive(t, get(1))
	var want []byte
	write := func(record []byte) {
		want = append(want, record...)
		if err := b.handleAnswer(record); err != nil {
			t.Error(err)
		}
	}
	write(wire.AppendRecord(nil, wire.TypeGetValuesResult, 0, []byte("x")))
	write(wire.AppendRecord(nil, wire.TypeStderr, 1, []byte("x")))
	write(wire.AppendRecord(nil, wire.TypeStdout, 1, []byte("part")))
	if !bytes.Equal(b.sink.wrote, want) {
		t.Errorf("got %q; want %q before the App has returned", b.sink.wrote, want)
	}
	b.appReturned(b.find(1), nil)
	write(wire.AppendRecord(nil, wire.TypeStdout, 1, []byte("rest")))
	write(wire.AppendRecord(nil, wire.TypeStdout, 1, nil))
	write(refusal(1, wire.RequestComplete))
	if !bytes.Equal(b.sink.wrote, want) {
		t.Errorf("got %q; want %q", b.sink.wrote, want)
	}
}
