package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLogHasTheVoice(t *testing.T) {
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"a message", func(l *slog.Logger) { l.Info("ending") }, "cgikit: ending\n"},
		{"attributes", func(l *slog.Logger) { l.Warn("serving", "address", "http://a/", "n", 3) }, "cgikit: serving address=http://a/ n=3\n"},
		{"quoted where it must be", func(l *slog.Logger) { l.Error("x", "error", errors.New("a b"), "empty", "") }, "cgikit: x error=\"a b\" empty=\"\"\n"},
		{"no second line from a client", func(l *slog.Logger) { l.Info("x", "uri", "/\n/\x1b[31m") }, "cgikit: x uri=\"/\\n/\\x1b[31m\"\n"},
		{"no colours from a client", func(l *slog.Logger) { l.Info("a\x1b[31m\rb") }, "cgikit: a\\x1b[31m\\x0db\n"},
		{"no C1 controls and no other direction", func(l *slog.Logger) { l.Info("\u009b2J", "uri", "/\u202etxt") }, "cgikit: \\u009b2J uri=\"/\\u202etxt\"\n"},
		{"a stack below its line", func(l *slog.Logger) { l.Info("x", "stack", "main.go:1\n", "n", 1) }, "cgikit: x n=1\nmain.go:1\n"},
		{"a text of several lines", func(l *slog.Logger) { l.Info("panic\n\tmain.go:1\n") }, "cgikit: panic\n\tmain.go:1\n"},
		{"a line end by itself", func(l *slog.Logger) { l.Info("\n") }, ""},
		{"what is left out", func(l *slog.Logger) { l.Info("x", "why", "because", "n", 1) }, "cgikit: x n=1\n"},
		{"debug", func(l *slog.Logger) { l.Debug("x") }, ""},
		{"with", func(l *slog.Logger) { l.With("a", 1).With("b", 2).Info("x", "c", 3) }, "cgikit: x a=1 b=2 c=3\n"},
		{"groups", func(l *slog.Logger) { l.WithGroup("g").With("a", 1).Info("x", slog.Group("h", "b", 2)) }, "cgikit: x g.a=1 g.h.b=2\n"},
		{"no attribute", func(l *slog.Logger) { l.Info("x", slog.Attr{}) }, "cgikit: x\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			tt.log(newLog(&out, "why"))
			if got := out.String(); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

// counter counts the calls of Write.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c++
	return len(p), nil
}

// Lines of concurrent requests must not mix.
func TestLogWritesARecordAtOnce(t *testing.T) {
	var writes counter
	newLog(&writes).Info("x", "a", 1, "stack", "one\ntwo\n")
	if writes != 1 {
		t.Errorf("got %d writes for a record; want 1", writes)
	}
}
