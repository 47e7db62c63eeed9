package exchange_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/exchange"
)

func TestSymlinksText(t *testing.T) {
	for _, want := range []exchange.Symlinks{exchange.SymlinksOwner, exchange.SymlinksAll, exchange.SymlinksNone} {
		var got exchange.Symlinks
		if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
			t.Errorf("%s: got %v, %v", want, got, err)
		}
	}
	got := exchange.SymlinksNone
	if err := got.UnmarshalText([]byte("None")); err == nil || got != exchange.SymlinksNone {
		t.Errorf("got %v, %v; want an error", got, err)
	}
	if got := exchange.Symlinks(7).String(); got != "Symlinks(7)" {
		t.Errorf("got %q", got)
	}
}

func TestIsHidden(t *testing.T) {
	for path, want := range map[string]bool{
		"": false, "/": false, "/a/b.c": false, "/.well-known/x": false, "/a...": false,
		"/.git/config": true, "/a/.htpasswd": true, "/.well-known/.x": true, "/.well-known2": true, "/..": true, "/.": true, ".env": true,
	} {
		if got := exchange.IsHidden(path); got != want {
			t.Errorf("%q: got %v; want %v", path, got, want)
		}
	}
}

func TestIsShortage(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}: true,
		fmt.Errorf("open: %w", syscall.ENFILE):                    true,
		&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}: false,
		errors.New("path escapes from parent"):                    false,
	} {
		if got := exchange.IsShortage(err); got != want {
			t.Errorf("%v: got %v; want %v", err, got, want)
		}
	}
}
