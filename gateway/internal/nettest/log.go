package nettest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Log is a log that a test can read while it is written. The zero value is ready.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Logger returns a logger that writes text lines to l.
func (l *Log) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// WantLines checks how many times text occurs in the log.
func (l *Log) WantLines(t testing.TB, text string, want int) {
	t.Helper()
	const shown = 2000
	log := l.String()
	if got := strings.Count(log, text); got != want {
		t.Errorf("%q occurs %d times in the log; want %d. The log begins:\n%.*s", text, got, want, shown, log)
	}
}
