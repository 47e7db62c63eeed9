package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/scgi"
)

func TestMessage(t *testing.T) {
	_, addressErr := listen.Parse("gopher://x")
	tests := []struct {
		name string
		err  error
		hint string // the beginning; "" for none
	}{
		{"usage", cli.Usage(errors.New("x"), "write y"), "write y"},
		{"known failure, wrapped", fmt.Errorf("a: %w", cli.Failure(errors.New("x"), "do y")), "do y"},
		{"address", addressErr, listenHint},
		{"in use", &listen.OpenError{Err: listen.ErrInUse}, "another process listens there"},
		{"no permission", &listen.OpenError{Err: syscall.EACCES}, "this user may not listen there"},
		{"no permission, elsewhere", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, ""},
		{"no folder", &listen.OpenError{Err: fs.ErrNotExist}, "the folder of the socket must exist"},
		{"other machine", &listen.OpenError{Err: syscall.EADDRNOTAVAIL}, "this machine has no such address"},
		{"anything else", errors.New("x"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, rest, _ := strings.Cut(cli.Message("cgikit", withHint(tt.err)), "\n")
			if first != "cgikit: "+tt.err.Error() {
				t.Errorf("got first line %q", first)
			}
			switch {
			case tt.hint == "" && rest != "":
				t.Errorf("got %q after the first line; want nothing", rest)
			case tt.hint != "" && !strings.HasPrefix(rest, "hint: "+tt.hint):
				t.Errorf("got %q; want hint: %s", rest, tt.hint)
			}
		})
	}
}

func TestPlainTakesOffWhatLaunchSays(t *testing.T) {
	inner := &listen.OpenError{Err: syscall.EACCES}
	if got := plain(fmt.Errorf("launch: %w (Config.Listen says so)", inner)); got != inner {
		t.Errorf("got %v; want %v", got, inner)
	}
	other := fmt.Errorf("launch: cut off: %w", errors.New("signal: interrupt"))
	if got := plain(other); got != other {
		t.Errorf("got %v; want %v", got, other)
	}
	if got := plain(nil); got != nil {
		t.Errorf("got %v for no error", got)
	}
}

// TestHintForPeer checks the hint for a browser on the wrong port.
func TestHintForPeer(t *testing.T) {
	request := []byte("GET / HTTP/1.1\r\n")
	_, fastcgiErr := wire.ParseHeader([wire.HeaderSize]byte(request))
	_, otherErr := wire.ParseHeader([wire.HeaderSize]byte{2, 1})
	for _, test := range []struct {
		name string
		v    any
		want string // part of the hint
	}{
		{"HTTP by SCGI", fmt.Errorf("x: %w", &scgi.ProtocolError{Input: "G"}), "on an address of SCGI"},
		{"HTTP by FastCGI", fmt.Errorf("x: %w", fastcgiErr), "on an address of FastCGI"},
		{"SCGI, later", &scgi.ProtocolError{Input: "G", Offset: 2}, ""},
		{"TLS by SCGI", &scgi.ProtocolError{Input: "\x16"}, ""},
		{"another version", otherErr, ""},
		{"another error", errors.New("GET"), ""},
		{"no error", "GET", ""},
		{"nothing", nil, ""},
	} {
		if got := hintForPeer(test.v); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: got %q; want %q", test.name, got, test.want)
		}
	}
}
