package client

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/transport"
)

// recorder is an owner that counts the connections returned to it.
type recorder struct{ released, discarded int }

func (o *recorder) release(*conn)    { o.released++ }
func (o *recorder) discard(*conn)    { o.discarded++ }
func (o *recorder) noteAnswer(*conn) {}
func (o *recorder) closedBy() error  { return nil }

// newRecorded returns an exchange whose connection belongs to the recorder. The bytes of unread
// have arrived on it after the response.
func newRecorded(t *testing.T, unread string) (*roundTrip, *recorder) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	o := new(recorder)
	c := newConn(new(transport.Call).On(near), o)
	if unread != "" {
		go io.WriteString(far, unread)
		c.in.Peek(len(unread))
	}
	return &roundTrip{conn: c, unwatch: func() bool { return true }}, o
}

var errFails = errors.New("on purpose")

// reasonOf returns the reason that comes with an event.
func reasonOf(e event) error {
	return map[event]error{receivesEnd: io.EOF, fails: errFails, closesBody: errBodyClosed}[e]
}

// TestExchangeStates tries the sequences of events that an exchange can have.
func TestExchangeStates(t *testing.T) {
	const nothing, release, discard = "", "release", "discard"
	for _, test := range []struct {
		name   string
		events []event
		want   state
		gives  string // what becomes of the connection
		reason error
	}{
		{"begun", nil, sending, nothing, nil},
		{"sent", []event{sendsAll}, sent, nothing, nil},
		{"sent with the head", []event{sendsAll, receivesEnd}, complete, release, io.EOF},
		{"sent beside the response", []event{writesLast, sendsAll, receivesEnd}, complete, release, io.EOF},
		{"answered early, then sent", []event{receivesEnd, writesLast, sendsAll}, complete, release, io.EOF},
		{"answered during the last write", []event{writesLast, receivesEnd, sendsAll}, complete, release, io.EOF},
		{"closed during the last write", []event{writesLast, receivesEnd, closesBody}, answeredLast, nothing, io.EOF},
		{"closed during the last write, then sent", []event{writesLast, receivesEnd, closesBody, sendsAll}, complete, release, io.EOF},
		{"closed during the last write, then not taken", []event{writesLast, receivesEnd, closesBody, sendsPart}, broken, discard, io.EOF},
		{"answered early, still sending", []event{receivesEnd}, answered, nothing, io.EOF},
		{"answered early, then closed", []event{receivesEnd, closesBody}, broken, discard, io.EOF},
		{"answered early, then not taken", []event{receivesEnd, sendsPart}, broken, discard, io.EOF},
		{"answered early, then Stdin fails", []event{receivesEnd, fails}, broken, discard, io.EOF},
		{"not taken, then answered", []event{sendsPart, receivesEnd}, broken, discard, io.EOF},
		{"not taken, then broken off", []event{sendsPart, fails}, broken, discard, errFails},
		{"Stdin fails", []event{fails}, broken, discard, errFails},
		{"Stdin fails, and the response is read on", []event{fails, receivesEnd, closesBody}, broken, discard, errFails},
		{"response fails", []event{sendsAll, fails}, broken, discard, errFails},
		{"closed before the request is sent", []event{closesBody, sendsPart}, broken, discard, errBodyClosed},
		{"closed before the response is complete", []event{sendsAll, closesBody}, broken, discard, errBodyClosed},
		{"the context ends after it", []event{sendsAll, receivesEnd, fails, closesBody}, complete, release, io.EOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, o := newRecorded(t, "")
			for _, e := range test.events {
				x.move(e, reasonOf(e))
			}
			want := recorder{}
			if test.gives == release {
				want.released = 1
			} else if test.gives == discard {
				want.discarded = 1
			}
			if x.state != test.want || *o != want || x.reason != test.reason {
				t.Errorf("got state %d, %+v, %v; want %d, %+v, %v", x.state, *o, x.reason, test.want, want, test.reason)
			}
		})
	}
}

// TestExchangeInvariants tries every sequence of five events.
func TestExchangeInvariants(t *testing.T) {
	var sequence []event
	var try func()
	try = func() {
		checkInvariants(t, sequence)
		if len(sequence) == 5 {
			return
		}
		for e := range numEvents {
			sequence = append(sequence, e)
			try()
			sequence = sequence[:len(sequence)-1]
		}
	}
	try()
}

func checkInvariants(t *testing.T, sequence []event) {
	x, o := &roundTrip{conn: newConn(new(transport.Call), nil), unwatch: func() bool { return true }}, new(recorder)
	x.conn.owner = o
	first := error(nil)
	for _, e := range sequence {
		before := x.state
		got := x.move(e, reasonOf(e))
		if first == nil {
			first = reasonOf(e)
		}
		switch given := o.released + o.discarded; {
		case got != first:
			t.Fatalf("%v: the reason is %v; want the first, %v", sequence, got, first)
		case before.over() && x.state != before:
			t.Fatalf("%v: an exchange that was over moved on to %d", sequence, x.state)
		case x.state.over() && given != 1, !x.state.over() && given != 0:
			t.Fatalf("%v: in state %d the connection was returned %d times", sequence, x.state, given)
		case e == fails && !x.state.over():
			t.Fatalf("%v: a failure leaves it in state %d", sequence, x.state)
		case first == nil && x.state >= answered, first == io.EOF && x.state < answered:
			t.Fatalf("%v: in state %d the reason is %v", sequence, x.state, first)
		}
	}
	if o.released == 0 {
		return
	}
	end, all := slices.Index(sequence, receivesEnd), slices.Index(sequence, sendsAll)
	if end < 0 || all < 0 {
		t.Errorf("%v: the connection can be used again without both ends", sequence)
	}
	for _, e := range []event{fails, sendsPart} {
		if i := slices.Index(sequence, e); i >= 0 && i < min(end, all) {
			t.Errorf("%v: the connection can be used again after a failure", sequence)
		}
	}
}

// TestReleaseConn: a connection with unread bytes, or whose context has ended, is not used again.
func TestReleaseConn(t *testing.T) {
	for name, test := range map[string]struct {
		unread    string
		unwatched bool
		want      recorder
	}{
		"nothing left":       {"", true, recorder{released: 1}},
		"a byte left":        {"\x01", true, recorder{discarded: 1}},
		"a record left":      {strings.Repeat("\x01", 16), true, recorder{discarded: 1}},
		"the context ending": {"", false, recorder{discarded: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			x, o := newRecorded(t, test.unread)
			x.unwatch = func() bool { return test.unwatched }
			x.move(sendsAll, nil)
			x.move(receivesEnd, io.EOF)
			if *o != test.want {
				t.Errorf("got %+v; want %+v", *o, test.want)
			}
		})
	}
}
