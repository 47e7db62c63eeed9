//go:build unix

package cgi_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// TestScriptPipes: C44, C45, C46: whatever order a script reads and writes in, neither side waits
// for the other for ever.
func TestScriptPipes(t *testing.T) {
	body := body10M()
	const head = `printf 'Content-Type: application/octet-stream\n\n'; `
	for _, test := range []struct {
		name, text string
		length     int64
	}{
		{"writes 10 MB before it reads", head + `head -c 10485760 /dev/zero; cat`, 2 * 10 << 20},
		{"echoes as it comes", head + `exec cat`, 10 << 20},
		{"never reads", head + `head -c 100000 /dev/zero`, 100000},
		{"closes its input", head + `exec <&-; head -c 100000 /dev/zero`, 100000},
		{"ends at once", head, 0},
		{"8 KB of standard error everywhere", `e() { head -c 100000 /dev/zero >&2; }; e; ` + head + `e; cat; e`, 10 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			resp, err := shell(t, test.text).RoundTrip(request("POST", body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if n, err := io.Copy(io.Discard, resp.Body); n != test.length || err != nil {
				t.Errorf("got %d bytes, %v; want %d", n, err, test.length)
			}
		})
	}
}

// TestScriptMaxStderr: what is over the bound is dropped and told, and the script does not wait for
// it.
func TestScriptMaxStderr(t *testing.T) {
	for _, test := range []struct {
		name string
		most int64
		text string
		want string
	}{
		{"over", 10, "printf 0123456789abc >&2", "0123456789\ncgi: PATH: 3 more bytes of standard error were dropped\n"},
		{"more than a pipe holds over", 10, "printf 0123456789 >&2; head -c 3000000 /dev/zero >&2", "0123456789\ncgi: PATH: 3000000 more bytes of standard error were dropped\n"},
		{"exact", 10, "printf 0123456789 >&2", "0123456789"},
		{"default", 0, "head -c 1048577 /dev/zero >&2", strings.Repeat("\x00", 1<<20) + "\ncgi: PATH: 1 more bytes of standard error were dropped\n"},
		{"none", -1, "head -c 1048577 /dev/zero >&2", strings.Repeat("\x00", 1<<20+1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shell(t, `printf 'Content-Type: text/plain\n\n'; `+test.text)
			s.MaxStderrBytes = test.most
			var log strings.Builder
			r := request("GET", nil)
			r.Stderr = &log
			if _, _, err := fetch(t, s, r); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(log.String(), fmt.Sprintf("%q", s.Path), "PATH"); got != test.want {
				t.Errorf("got %d bytes, ... %q; want %d, %.100q", len(got), got[max(len(got)-100, 0):], len(test.want), test.want)
			}
		})
	}
}

// TestScriptStderrComesWhileItRuns: standard error can be read before the script ends.
func TestScriptStderrComesWhileItRuns(t *testing.T) {
	reader, writer := io.Pipe()
	defer reader.Close()
	r := request("GET", nil)
	r.Stderr = writer
	resp, _ := begin(t, shell(t, `printf 'Content-Type: text/plain\n\n'; echo hear me >&2; sleep 600`), r)
	got := make([]byte, len("hear me\n"))
	if _, err := io.ReadFull(reader, got); string(got) != "hear me\n" {
		t.Errorf("got %q, %v; want hear me", got, err)
	}
	resp.Body.Close()
}

func TestScriptMaxOutput(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; exec yes`)
	s.MaxOutputBytes = 1000
	_, body, err := fetch(t, s, request("GET", nil))
	failure(t, err, 502, "the script sent too much")
	if want := 1000 - len("Content-Type: text/plain\n\n"); len(body) != want {
		t.Errorf("got %d bytes; want %d", len(body), want)
	}
	s.MaxOutputBytes = 10
	_, _, err = fetch(t, s, request("GET", nil))
	failure(t, err, 502, "the script sent too much")

	s = shell(t, `printf 'Content-Type: text/plain\n\nbody'`)
	s.MaxOutputBytes = int64(len("Content-Type: text/plain\n\nbody"))
	if _, body, err := fetch(t, s, request("GET", nil)); body != "body" || err != nil {
		t.Errorf("at the bound: got %q, %v; want body", body, err)
	}
}

// TestScriptConcurrent: one Script serves many requests at once, with all their streams apart.
func TestScriptConcurrent(t *testing.T) {
	s := script(t, "echo-sum")
	s.MaxScripts = 4
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			body := []byte(strings.Repeat(string(rune('a'+i)), 100_000+i))
			if _, got, err := fetch(t, s, request("POST", body)); got != sumOf(body) || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, sumOf(body))
			}
		})
	}
	all.Wait()
}

// TestScriptFailingLog: a script does not wait for a log that cannot be written.
func TestScriptFailingLog(t *testing.T) {
	s := shell(t, `head -c 300000 /dev/zero >&2; printf 'Content-Type: text/plain\n\nbody'`)
	r := request("GET", nil)
	_, log := io.Pipe()
	log.Close()
	r.Stderr = log
	if _, body, err := fetch(t, s, r); body != "body" || err != nil {
		t.Errorf("got %q, %v; want the body", body, err)
	}
}
