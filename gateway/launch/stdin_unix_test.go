//go:build unix

package launch

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// F33: a listening socket is distinguished from every other kind.
func TestDescriptorKind(t *testing.T) {
	fileOf := func(s any, err error) *os.File {
		if err != nil {
			t.Fatal(err)
		}
		f, isFile := s.(*os.File)
		if !isFile {
			if f, err = s.(interface{ File() (*os.File, error) }).File(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.(interface{ Close() error }).Close() })
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, tt := range []struct {
		name string
		file *os.File
		want Stdin
	}{
		{"connected TCP", fileOf(net.Dial("tcp", tcp.Addr().String())), StdinConnection},
		{"listening TCP", fileOf(tcp, nil), StdinListening},
		{"listening unix", fileOf(net.Listen("unix", filepath.Join(t.TempDir(), "s"))), StdinListening},
		{"datagrams", fileOf(net.ListenPacket("udp", "127.0.0.1:0")), StdinSocket},
		{"one of a pair", onePair(t), StdinSocket},
		{"bound, not listening", bound(t), StdinSocket},
		{"pipe", fileOf(pipe, nil), StdinPipe},
		{"file", fileOf(os.CreateTemp(t.TempDir(), "")), StdinFile},
		{"folder", fileOf(os.Open(t.TempDir())), StdinFile},
		{"/dev/null", fileOf(os.Open(os.DevNull)), StdinDevice},
	} {
		if got := descriptorKind(int(tt.file.Fd())); got != tt.want {
			t.Errorf("%s: got %q; want %q", tt.name, got, tt.want)
		}
	}
	if got := descriptorKind(1 << 20); got != StdinClosed {
		t.Errorf("no descriptor: got %q; want %q", got, StdinClosed)
	}
}

// onePair returns one end of a pair of unix sockets, which sshd and supervisors use as standard
// input.
func onePair(t *testing.T) *os.File {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[1]) })
	f := os.NewFile(uintptr(fds[0]), "pair")
	t.Cleanup(func() { f.Close() })
	return f
}

func bound(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "bound")
	t.Cleanup(func() { f.Close() })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	return f
}
