package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

func TestErrors(t *testing.T) {
	cause := errors.New("refused")
	tests := []struct {
		name    string
		err     error
		status  int
		message string
	}{
		{"none", nil, 0, ""},
		{"plain", cause, 1, "cgikit: refused\n"},
		{"usage", Usage(cause, "write it so"), 2, "cgikit: refused\nhint: write it so\n"},
		{"wrapped", fmt.Errorf("target: %w", Failure(cause, "start it")), 1, "cgikit: target: refused\nhint: start it\n"},
		{"inner hint", Failure(Failure(cause, "inner"), ""), 1, "cgikit: refused\nhint: inner\n"},
		{"said already", fmt.Errorf("x: %w", Exit(22)), 22, ""},
		{"control characters", errors.New("a\x1bb"), 1, "cgikit: a\\x1bb\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Status(tt.err); got != tt.status {
				t.Errorf("got status %d; want %d", got, tt.status)
			}
			if tt.err == nil {
				return
			}
			if got := Message("cgikit", tt.err); got != tt.message {
				t.Errorf("got %q; want %q", got, tt.message)
			}
			if tt.status != 22 && !errors.Is(tt.err, cause) && tt.name != "control characters" {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestMask(t *testing.T) {
	for name, secret := range map[string]bool{
		"Authorization": true, "HTTP_AUTHORIZATION": true, "cookie": true, "HTTP_COOKIE": true, "PHP_AUTH_PW": true, "Set-Cookie": true,
		"AUTH_TYPE": false, "HTTP_HOST": false, "PHP_AUTH_USER": false, "": false,
	} {
		want := "value"
		if secret {
			want = Masked
		}
		if got := Mask(name, "value"); got != want {
			t.Errorf("Mask(%q): got %q; want %q", name, got, want)
		}
		if got := Mask(name, ""); got != "" {
			t.Errorf("Mask(%q) of nothing: got %q", name, got)
		}
	}
}

func TestPalette(t *testing.T) {
	getenv := func(string) string { return "" }
	for when, want := range map[string]string{
		"always": "\x1b[31mx\x1b[0m", "never": "x", "auto": "x", "": "x",
	} {
		p, err := NewPalette(io.Discard, when, getenv)
		if err != nil || p.Paint(Red, "x") != want {
			t.Errorf("--color %q: got %q, %v; want %q", when, p.Paint(Red, "x"), err, want)
		}
	}
	if _, err := NewPalette(io.Discard, "purple", getenv); Status(err) != StatusUsage {
		t.Errorf("got %v for a value that is not known; want a usage error", err)
	}
}

func TestLive(t *testing.T) {
	var b strings.Builder
	l := &Live{w: &b}
	start := time.Unix(100, 0)
	l.Show(start, "a long line")
	l.Show(start.Add(time.Millisecond), "dropped")
	l.Show(start.Add(time.Second), "short")
	l.Clear()
	if got, want := b.String(), "\ra long line\rshort      \r     \r"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	none := NewLive(io.Discard)
	none.Show(start, "x")
	none.Clear()
	if none.Due(start) {
		t.Error("a live line is due where there is no terminal")
	}
}
