//go:build unix

package transport

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// connected is a connection of that network, by both its ends.
func connected(t *testing.T, network string) (near, far net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(shortDir(t), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near = dial(t, l)
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

func TestQuiet(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, test := range []struct {
			name string
			do   func(far net.Conn)
			want bool
		}{
			{"nothing", func(net.Conn) {}, true},
			{"a byte", func(far net.Conn) { far.Write([]byte("x")) }, false},
			{"the end", func(far net.Conn) { far.Close() }, false},
		} {
			t.Run(network+", "+test.name, func(t *testing.T) {
				near, far := connected(t, network)
				s := NewSocket(near)
				for range 2 { // asking changes nothing
					if !s.Quiet() {
						t.Error("not quiet at first")
					}
				}
				test.do(far)
				for end := time.Now().Add(5 * time.Second); s.Quiet() && !test.want; {
					if time.Now().After(end) {
						t.Fatal("quiet in spite of it")
					}
				}
				if got := s.Quiet(); got != test.want {
					t.Errorf("got %t; want %t", got, test.want)
				}
				near.Close()
				if s.Quiet() {
					t.Error("a closed connection is quiet")
				}
			})
		}
	}
}
