package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// newLog returns a logger that writes lines of the form "cgikit: message name=value". They have no
// time and no level: a terminal does not need them, and a service manager adds them. Attributes
// whose names are in omit are left out.
func newLog(w io.Writer, omit ...string) *slog.Logger {
	return slog.New(&voice{w: w, mu: new(sync.Mutex), omit: omit})
}

// voice is the slog.Handler of newLog.
type voice struct {
	w      io.Writer
	mu     *sync.Mutex
	omit   []string
	prefix string // of names, with the names of groups
	fixed  string // attributes of WithAttrs
}

// Enabled implements slog.Handler.
func (v *voice) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. A record is one write, so that lines do not mix.
func (v *voice) Handle(_ context.Context, r slog.Record) error {
	if strings.TrimSpace(r.Message) == "" && r.NumAttrs() == 0 {
		return nil // a line end that an application writes separately
	}
	var b strings.Builder
	b.WriteString("cgikit: ")
	b.WriteString(line(r.Message))
	b.WriteString(v.fixed)
	after := "" // text for a person, on lines of its own
	r.Attrs(func(a slog.Attr) bool {
		if hint := hintForPeer(a.Value.Any()); hint != "" {
			after += "hint: " + hint + "\n"
		}
		switch {
		case a.Key == "stack":
			after += exchange.Printable(a.Value.String())
		case a.Key == "hint":
			after += "hint: " + line(a.Value.String()) + "\n"
		case !slices.Contains(v.omit, a.Key):
			appendAttr(&b, v.prefix, a)
		}
		return true
	})
	b.WriteByte('\n')
	b.WriteString(after)
	v.mu.Lock()
	defer v.mu.Unlock()
	_, err := io.WriteString(v.w, b.String())
	return err
}

// WithAttrs implements slog.Handler.
func (v *voice) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, v.prefix, a)
	}
	c := *v
	c.fixed += b.String()
	return &c
}

// WithGroup implements slog.Handler.
func (v *voice) WithGroup(name string) slog.Handler {
	c := *v
	if name != "" {
		c.prefix += name + "."
	}
	return &c
}

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			appendAttr(b, prefix, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	b.WriteByte(' ')
	b.WriteString(prefix + a.Key)
	b.WriteByte('=')
	if text := value.String(); strings.ContainsAny(text, " \"=\t\r\n") || text == "" || line(text) != text {
		b.WriteString(strconv.Quote(text))
	} else {
		b.WriteString(text)
	}
}

// line escapes control characters in a message, which may come from a client. It keeps line ends,
// since a message may have a stack.
func line(s string) string { return strings.TrimRight(exchange.Printable(s), "\n") }
