package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// Each line must arrive when it is written, not with the next one or the end.
func TestStreamArrivesLineByLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		resp, err := gateway.Local(App()).RoundTrip(request("/stream"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		n := 0
		for lines.Scan() {
			due := time.Duration(n) * streamEvery
			n++
			want := fmt.Sprintf("line %d of 10, after %d ms", n, due.Milliseconds())
			if got, at := lines.Text(), time.Since(started); got != want || at != due {
				t.Errorf("got %q after %v; want %q after %v", got, at, want, due)
			}
		}
		if lines.Err() != nil || n != streamLines {
			t.Errorf("got %d lines and error %v; want %d", n, lines.Err(), streamLines)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), streamEvery+time.Millisecond)
		defer cancel()
		started := time.Now()
		h := &gateway.BaseCGIHandler{Environ: request("/stream").Environ, Stdout: io.Discard, Stderr: io.Discard}
		err := h.Run(ctx, App())
		if got := time.Since(started); !errors.Is(err, context.DeadlineExceeded) || got > 2*streamEvery {
			t.Errorf("got error %v after %v; want the deadline's after %v", err, got, streamEvery)
		}
	})
}

func TestStreamIsHurried(t *testing.T) {
	h := fetchComplete(t, request("/stream", "REQUEST_METHOD", "HEAD"), "200 OK").Headers
	if h.Get("X-Accel-Buffering") != "no" || h.Get("X-Content-Type-Options") != "nosniff" || h.Has("Content-Length") {
		t.Errorf("got the fields %q", h)
	}
}
