package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// stuckPair returns both ends of a connection of that network. The far one reads nothing by itself.
func stuckPair(t *testing.T, network string) (near, far net.Conn) {
	t.Helper()
	if network == "unix" {
		return connect(t, listenOn(t, "unix:"+tempSocket(t)))
	}
	return connect(t, listenOn(t, "127.0.0.1:0"))
}

// onNetworks runs a test over each kind of socket.
func onNetworks(t *testing.T, test func(t *testing.T, network string)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			test(t, network)
		})
	}
}

// Whatever the slices are, and however little the peer takes at once, all arrives in order.
func TestWriteAll(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		near, far := stuckPair(t, network)
		big := bytes.Repeat([]byte("0123456789abcdef"), 512<<10)
		v := net.Buffers{nil, []byte("first"), {}, big, big[:7], nil}
		want := bytes.Join(v, nil)
		got := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(far)
			got <- all
		}()
		waits := 0
		n, err := NewSocket(near).WriteAll(&v, func() error { waits++; return nil })
		near.Close()
		if all := <-got; n != int64(len(want)) || err != nil || len(v) != 0 || waits == 0 || !bytes.Equal(all, want) {
			t.Errorf("wrote %d, %v, %d slices left, %d waits, and %d bytes came; want %d", n, err, len(v), waits, len(all), len(want))
		}
	})
}

// A peer that reads nothing is given up one timeout after the system's buffers were full. A busy machine may be late, so that the
// best of several tries counts.
func TestWriteAllGivesUp(t *testing.T) {
	const bound, tries = time.Second, 4
	most := bound * 3 / 2
	if runtime.GOOS != "linux" {
		most = bound * 5 / 2
	}
	onNetworks(t, func(t *testing.T, network string) {
		var all []time.Duration
		for range tries {
			near, _ := stuckPair(t, network)
			v := net.Buffers{[]byte("header"), make([]byte, 64<<20)}
			began := time.Now()
			n, err := NewSocket(near).WriteAll(&v, func() error { return near.SetWriteDeadline(time.Now().Add(bound)) })
			took := time.Since(began)
			if !errors.Is(err, os.ErrDeadlineExceeded) || n+int64(len(v[0])) != 64<<20+6 {
				t.Fatalf("wrote %d, %v, %d left", n, err, len(v[0]))
			}
			if all = append(all, took); took >= bound && took < most {
				return
			}
		}
		t.Errorf("gave up after %v; want one timeout, %v", all, bound)
	})
}

func TestWriteAllFails(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		near, _ := stuckPair(t, network)
		late := errors.New("no more time")
		v := net.Buffers{[]byte("x")}
		if n, err := NewSocket(near).WriteAll(&v, func() error { return late }); n != 0 || err != late {
			t.Errorf("got %d, %v; want the error of before", n, err)
		}
		near.Close()
		if n, err := NewSocket(near).WriteAll(&v, nil); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("on a closed connection: got %d, %v; want net.ErrClosed", n, err)
		}
		if n, err := NewSocket(near).WriteAll(&net.Buffers{}, nil); n != 0 || err != nil {
			t.Errorf("of nothing: got %d, %v", n, err)
		}
	})
}

// Of a connection that is no socket, what was taken before the deadline counts as progress.
func TestWriteAllWithoutSocket(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go far.Read(make([]byte, 3))
	v := net.Buffers{[]byte("abcdef")}
	n, err := NewSocket(near).WriteAll(&v, func() error { return near.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) })
	if n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) || string(v[0]) != "def" {
		t.Errorf("got %d, %v, and %q is left; want 3 bytes taken", n, err, v)
	}
}
