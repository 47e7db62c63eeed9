package main

import (
	"bytes"
	"testing"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/trace"
)

// TestTraceCounts: the last line counts in words, and a hint tells how to see which rules were
// broken.
func TestTraceCounts(t *testing.T) {
	for _, c := range []struct {
		printer trace.Printer
		want    string
	}{
		{trace.Printer{Seen: 1, Broken: 1}, "cgikit: 1 exchange, 1 broken rule\nhint: --lint names the rules\n"},
		{trace.Printer{Seen: 2, Broken: 3, Lint: true}, "cgikit: 2 exchanges, 3 broken rules\n"},
		{trace.Printer{}, "cgikit: 0 exchanges, 0 broken rules\n"},
	} {
		var out bytes.Buffer
		traced := &tracing{stderr: &out, printer: c.printer}
		_ = traced.finish(nil, false) // the exit status, which the script trace.txtar tests
		if out.String() != c.want {
			t.Errorf("got %q; want %q", &out, c.want)
		}
	}
}
