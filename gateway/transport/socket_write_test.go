package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// onNetworks runs a test over each kind of socket.
func onNetworks(t *testing.T, test func(t *testing.T, network string)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			test(t, network)
		})
	}
}

// All bytes arrive in order, whatever the slices are and however little the peer takes at once.
func TestWriteAll(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		near, far := connPair(t, network)
		big := bytes.Repeat([]byte("0123456789abcdef"), 512<<10)
		v := net.Buffers{nil, []byte("first"), {}, big, big[:7], nil}
		want := bytes.Join(v, nil)
		got := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(far)
			got <- all
		}()
		waits := 0
		n, err := NewSocket(near).WriteAll(&v, time.Hour, func(time.Time) error { waits++; return nil })
		near.Close()
		if all := <-got; n != int64(len(want)) || err != nil || len(v) != 0 || waits == 0 || !bytes.Equal(all, want) {
			t.Errorf("wrote %d, %v, %d slices left, %d waits, and %d bytes came; want %d", n, err, len(v), waits, len(all), len(want))
		}
	})
}

// WriteAll fails one timeout after the system's buffers were full if the peer reads nothing. A busy
// machine may be late, so the best of several tries counts.
func TestWriteAllGivesUp(t *testing.T) {
	const bound, tries = time.Second, 4
	const most = bound * 3 / 2
	onNetworks(t, func(t *testing.T, network string) {
		var all []time.Duration
		for range tries {
			near, _ := connPair(t, network)
			v := net.Buffers{[]byte("header"), make([]byte, 64<<20)}
			began := time.Now()
			n, err := NewSocket(near).WriteAll(&v, bound, nil)
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

// Writing to a slow peer does not fail, even if the system takes no bytes for longer than the
// timeout: a unix socket takes none until three quarters of its buffer are free. On a busy machine
// the peer may be slower than meant, so one success of several tries counts.
func TestWriteAllWaitsForASlowPeer(t *testing.T) {
	t.Parallel()
	const bound, size, tries = 800 * time.Millisecond, 768 << 10, 4
	for _, name := range []string{"bytes", "file"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onNetworks(t, func(t *testing.T, network string) {
				var got int
				var err error
				for range tries {
					if got, err = writeToSlowPeer(t, network, name, size, bound); got == size && err == nil {
						return
					}
				}
				t.Errorf("the peer got %d bytes of %d; the writer returned %v", got, size, err)
			})
		})
	}
}

// writeToSlowPeer writes size bytes to a peer that pauses for an eighth of the timeout before each
// read. It returns how many bytes the peer got, and the error of the writer.
func writeToSlowPeer(t *testing.T, network, name string, size int, timeout time.Duration) (got int, err error) {
	t.Helper()
	near, far := connPair(t, network)
	near.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(192 << 10)
	wrote := make(chan error, 1)
	go func() {
		defer near.Close()
		_, err := writeAs(t, name, NewSocket(near), size, timeout)
		wrote <- err
	}()
	buf := make([]byte, 16<<10)
	for {
		<-time.After(timeout / 8) // the slowness of the peer is under test
		n, err := far.Read(buf)
		got += n
		if err != nil {
			return got, <-wrote
		}
	}
}

// writeAs sends size bytes from a slice or a file.
func writeAs(t *testing.T, name string, s *Socket, size int, timeout time.Duration) (int64, error) {
	if name == "bytes" {
		return s.WriteAll(&net.Buffers{make([]byte, size)}, timeout, nil)
	}
	return writeFile(t, s, size, timeout, nil)
}

func writeFile(t *testing.T, s *Socket, size int, timeout time.Duration, setDeadline func(time.Time) error) (int64, error) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil {
		return 0, err
	}
	return s.SendFile(f, int64(size), timeout, setDeadline)
}

// A file that sendfile(2) cannot send is copied under the same timeout, and no byte is lost.
func TestSendFileCopies(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 32<<10)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	near, far := net.Pipe() // sendfile(2) cannot write to a pipe
	got := make(chan []byte)
	go func() {
		var all []byte
		buf := make([]byte, 100<<10)
		for err := error(nil); err == nil; {
			n := 0
			n, err = io.ReadFull(far, buf)
			all = append(all, buf[:n]...)
			<-time.After(20 * time.Millisecond) // longer than a part of the timeout
		}
		got <- all
	}()
	n, err := NewSocket(near).SendFile(f, int64(len(want)), 100*time.Millisecond, nil)
	near.Close()
	if all := <-got; n != int64(len(want)) || err != nil || !bytes.Equal(all, want) {
		t.Errorf("sent %d, %v, and %d bytes came; want %d", n, err, len(all), len(want))
	}
}

// SendFile fails as WriteAll does if the peer reads nothing.
func TestSendFileGivesUp(t *testing.T) {
	const bound, tries = time.Second, 4
	onNetworks(t, func(t *testing.T, network string) {
		var all []time.Duration
		for range tries {
			near, _ := connPair(t, network)
			began := time.Now()
			if _, err := writeAs(t, "file", NewSocket(near), 64<<20, bound); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("got %v; want a deadline", err)
			}
			last := time.Since(began)
			if all = append(all, last); last >= bound && last < bound*3/2 {
				return
			}
		}
		t.Errorf("gave up after %v; want one timeout, %v", all, bound)
	})
}

func TestWriteAllFails(t *testing.T) {
	onNetworks(t, func(t *testing.T, network string) {
		near, _ := connPair(t, network)
		v := net.Buffers{[]byte("x")}
		for _, late := range []error{errors.New("no more time"), os.ErrDeadlineExceeded} {
			fail := func(time.Time) error { return late }
			if n, err := NewSocket(near).WriteAll(&v, time.Hour, fail); n != 0 || err != late {
				t.Errorf("got %d, %v; want the error of setDeadline", n, err)
			}
			if n, err := writeFile(t, NewSocket(near), 1000, time.Hour, fail); n != 0 || !errors.Is(err, late) {
				t.Errorf("of a file: got %d, %v; want the error of setDeadline", n, err)
			}
		}
		near.Close()
		if n, err := NewSocket(near).WriteAll(&v, 0, nil); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("on a closed connection: got %d, %v; want net.ErrClosed", n, err)
		}
		if n, err := NewSocket(near).WriteAll(&net.Buffers{}, 0, nil); n != 0 || err != nil {
			t.Errorf("of nothing: got %d, %v", n, err)
		}
	})
}

// If the connection is not a socket, bytes taken before the deadline count as progress.
func TestWriteAllWithoutSocket(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go far.Read(make([]byte, 3))
	v := net.Buffers{[]byte("abcdef")}
	n, err := NewSocket(near).WriteAll(&v, 50*time.Millisecond, nil)
	if n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) || string(v[0]) != "def" {
		t.Errorf("got %d, %v, and %q is left; want 3 bytes taken", n, err, v)
	}
}
