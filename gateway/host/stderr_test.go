package host_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/util"
)

// complains returns a Backend that writes pieces to the error stream.
func complains(pieces ...string) gateway.Backend {
	return backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		for _, piece := range pieces {
			io.WriteString(r.Stderr, piece)
		}
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	})
}

// complaints returns the logged lines of the backend.
func complaints(t *testing.T, pieces ...string) []string {
	t.Helper()
	log := &logBuffer{}
	h := handler(complains(pieces...))
	h.ErrorLog = log.logger()
	get(t, h, "/x?y").want(t, 200, "ok")
	var lines []string
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "method=GET") || !strings.Contains(line, "uri=/x?y") {
			t.Errorf("got the record %.200q; want a warning about the request", line)
		}
		_, text, _ := strings.Cut(line, " line=")
		lines = append(lines, strings.TrimSuffix(text, "\n"))
	}
	return lines
}

func TestStderr(t *testing.T) {
	for _, c := range []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"lines", []string{"a\nb\r\n", "c\n"}, []string{"a", "b", "c"}},
		{"pieces of a line", []string{"a", "b", "c\nd"}, []string{"abc", "d"}},
		{"empty lines", []string{"\n\n\r\n"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := complaints(t, c.pieces...); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

// TestCVE_2024_9026: what a backend writes cannot forge lines of a log, or command a terminal
// (F47).
func TestCVE_2024_9026(t *testing.T) {
	log := &logBuffer{}
	r := &gateway.Request{Stderr: log}
	run := gateway.BaseCGIHandler{Stdout: &logBuffer{}, Stderr: r.Stderr}
	h := handler(complains("a\x1b[31mred\x00\b\x7f\u009b\u2028\u202e\xff tab\there Ü\n"))
	h.ErrorLog = nil // the text must be escaped for every log, since a slog.Handler may not escape
	if err := run.Run(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	const want = `a\x1b[31mred\x00\x08\x7f\u009b\u2028\u202e\xff tab` + "\there Ü\n"
	if got := log.String(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// TestStderrIsBounded: each line is bounded, and all lines of a request.
func TestStderrIsBounded(t *testing.T) {
	got := complaints(t, strings.Repeat("x", 10_000)+"\nnext\n")
	if len(got) != 3 || len(got[0]) != 4096 || got[1] != "next" || got[2] != `"(5904 bytes more)"` {
		t.Errorf("got %d lines, the last %q", len(got), got[len(got)-1])
	}
	got = complaints(t, strings.Repeat("x", 3000), strings.Repeat("x", 3000), "\n")
	if len(got) != 2 || len(got[0]) != 4096 {
		t.Errorf("in pieces: got %d lines, the first of %d bytes", len(got), len(got[0]))
	}
	got = complaints(t, strings.Repeat(strings.Repeat("x", 1023)+"\n", 10_000))
	total := 0
	for _, line := range got {
		total += len(line)
	}
	if total > 257<<10 || !strings.Contains(got[len(got)-1], "bytes more") {
		t.Errorf("got %d bytes in %d lines, the last %q", total, len(got), got[len(got)-1])
	}
}

// TestStderrAfterTheEnd: what a backend writes after the request is not logged.
func TestStderrAfterTheEnd(t *testing.T) {
	var stderr io.Writer
	log := &logBuffer{}
	h := handler(backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		stderr = r.Stderr
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	}))
	h.ErrorLog = log.logger()
	get(t, h, "/")
	if n, err := io.WriteString(stderr, "late\n"); n != 5 || err != nil || log.String() != "" {
		t.Errorf("got %d, %v, log %q; want it dropped", n, err, log)
	}
}

// TestStderrConcurrently: the lines of several goroutines stay whole.
func TestStderrConcurrently(t *testing.T) {
	log := &logBuffer{}
	h := handler(backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 100 {
					io.WriteString(r.Stderr, "whole\n")
				}
			})
		}
		all.Wait()
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	}))
	h.ErrorLog = log.logger()
	get(t, h, "/")
	if got := strings.Count(log.String(), " line=whole\n"); got != 800 {
		t.Errorf("got %d whole lines; want 800", got)
	}
}

// TestWarn: a message of the gateway is not logged as a line of the application.
func TestWarn(t *testing.T) {
	b := backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		r.Warn("something was put right")
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	})
	log := &logBuffer{}
	h := handler(b)
	h.ErrorLog = log.logger()
	get(t, h, "/x").want(t, 200, "ok")
	if got := log.String(); !strings.Contains(got, `level=WARN msg="host: something was put right" method=GET uri=/x`) {
		t.Errorf("got the log %q", got)
	}
	stderr := &logBuffer{}
	run := gateway.BaseCGIHandler{
		Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "REQUEST_URI": "/x"}),
		Stdout:  io.Discard,
		Stderr:  stderr,
	}
	if err := run.Run(t.Context(), &host.Handler{Backend: b}); err != nil {
		t.Fatal(err)
	}
	if got := stderr.String(); got != "\"GET\" \"/x\": something was put right\n" {
		t.Errorf("without ErrorLog: got %q; want a line on the request's own stream", got)
	}
}
