//go:build unix

package transport

import (
	"net"
	"testing"
	"time"
)

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
				near, far := connPair(t, network)
				s := NewSocket(near)
				for range 2 { // Quiet changes nothing
					if !s.Quiet() {
						t.Error("not quiet at first")
					}
				}
				test.do(far)
				for end := time.Now().Add(5 * time.Second); s.Quiet() && !test.want; {
					if time.Now().After(end) {
						t.Fatal("still quiet after 5 s")
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
