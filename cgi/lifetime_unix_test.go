//go:build unix

package cgi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
)

const plainHead = `printf 'Content-Type: text/plain\n\n'; `

// signals are two pipes with names, by which a test and a script wait for each other.
type signals struct {
	t        *testing.T
	go_, say string // the script reads the first and writes the second
}

func newSignals(t *testing.T, s *cgi.Script) *signals {
	t.Helper()
	dir := t.TempDir()
	n := &signals{t, filepath.Join(dir, "go"), filepath.Join(dir, "say")}
	mustMkfifo(t, n.go_)
	mustMkfifo(t, n.say)
	s.Env = append(s.Env, "GO="+n.go_, "SAY="+n.say)
	return n
}

// heard waits for what the script says next.
func (n *signals) heard() string {
	n.t.Helper()
	text, err := os.ReadFile(n.say)
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// proceed lets the script go on. It waits until the script is there.
func (n *signals) proceed() {
	n.t.Helper()
	if err := os.WriteFile(n.go_, []byte("go\n"), 0); err != nil {
		n.t.Fatal(err)
	}
}

// asNPH gives the script at path the name of one that writes a whole HTTP response.
func asNPH(t *testing.T, path string) string {
	t.Helper()
	nph := filepath.Join(filepath.Dir(path), "nph-script")
	if err := os.Rename(path, nph); err != nil {
		t.Fatal(err)
	}
	return nph
}

// TestScriptGoesOn: a response ends with its last declared byte or with standard output, and the
// script goes on: it is not stopped by Close, nor by the end of the request's context.
func TestScriptGoesOn(t *testing.T) {
	const goOn = `; read line <"$GO"; echo "alive $line" >"$SAY"; exit 3`
	for _, test := range []struct {
		name, text, method, want string
		nph                      bool
	}{
		{name: "standard output closed", text: plainHead + `printf body; exec >&-`, want: "body"},
		{name: "standard output handed over", text: plainHead + `printf body; exec >/dev/null`, want: "body"},
		{name: "Content-Length", text: `printf 'Content-Length: 4\n\nbody'`, want: "body"},
		{name: "Content-Length 0", text: `printf 'Content-Length: 0\n\n'`},
		{name: "more than its Content-Length", text: `printf 'Content-Length: 4\n\nbody and more'; head -c 500000 /dev/zero`, want: "body"},
		{name: "last chunk", text: `printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'`, nph: true, want: "body"},
		{name: "HEAD", text: plainHead + `exec >&-`, method: "HEAD"},
		{name: "HEAD with a body", text: plainHead + `printf body`, method: "HEAD"},
		{name: "204", text: `printf 'Status: 204 No Content\n\n'`},
		{name: "304", text: `printf 'Status: 304 Not Modified\n\n'`},
		{name: "304 with a Content-Length", text: `printf 'Status: 304 Not Modified\nContent-Length: 4\n\n'`},
		{name: "redirect", text: `printf 'Location: /other\n\n'; exec >&-`},
		{name: "standard error kept", text: plainHead + `printf body; exec >&-; echo still here >&2`, want: "body"},
		{name: "body of the request unread", text: plainHead + `printf body; exec >&-`, method: "POST", want: "body"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shell(t, test.text+goOn)
			n := newSignals(t, s)
			s.MaxScripts, s.MaxQueue = 1, -1
			var log, late syncLog
			s.Stderr = &late
			r := request("GET", nil)
			if test.method != "" {
				r = request(test.method, body10M())
			}
			if test.nph {
				s.Path = asNPH(t, s.Path)
			}
			r.Stderr = &log
			ctx, cancel := context.WithCancel(t.Context())
			resp, body, err := fetch(t, s, r.WithContext(ctx))
			if body != test.want || err != nil || resp.ExitStatus != -1 {
				t.Fatalf("got %q, %v, %+v; want %q, exit status -1", body, err, resp, test.want)
			}
			cancel()
			said := log.String()
			if _, _, err := fetch(t, s, request("GET", nil)); err == nil {
				t.Error("the script's slot was given away")
			} else {
				failure(t, err, 503, "too many scripts are running")
			}
			n.proceed()
			if got := n.heard(); got != "alive go" {
				t.Errorf("the script says %q", got)
			}
			want := fmt.Sprintf("cgi: %q: exit status 3\n", s.Path)
			waitFor(t, func() bool { return strings.HasSuffix(late.String(), want) })
			if log.String() != said {
				t.Errorf("the request's log got %q after Close", log.String()[len(said):])
			}
		})
	}
}

// TestScriptLateStderr: what a script writes after its response goes where Script.Stderr says.
func TestScriptLateStderr(t *testing.T) {
	s := shell(t, plainHead+`echo early >&2; exec >&-; read line <"$GO"; echo late >&2`)
	n := newSignals(t, s)
	var early, late syncLog
	s.Stderr = &late
	r := request("GET", nil)
	r.Stderr = &early
	if _, _, err := fetch(t, s, r); err != nil {
		t.Fatal(err)
	}
	n.proceed()
	waitFor(t, func() bool { return strings.Contains(late.String(), "late\n") })
	if early.String() != "early\n" || late.String() != "late\n" {
		t.Errorf("got %q, then %q; want early, then late", early.String(), late.String())
	}
}

// waitFor waits until f is true.
func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	for range 4000 {
		if f() {
			return
		}
		pause()
	}
	t.Error("it did not happen")
}

// TestScriptExcess: a script that writes without end after its Content-Length ends by SIGPIPE. One
// line tells of the excess, none of the signal.
func TestScriptExcess(t *testing.T) {
	s := shell(t, `if [ "$QUERY_STRING" ]; then `+plainHead+`exit; fi; printf 'Content-Length: 4\n\nbody'; exec yes`)
	s.MaxScripts = 1
	var log syncLog
	s.Stderr = &log
	r := request("GET", nil)
	r.Stderr = &log
	if _, body, err := fetch(t, s, r); body != "body" || err != nil {
		t.Fatalf("got %q, %v; want body", body, err)
	}
	next := request("GET", nil)
	next.Environ.Set("QUERY_STRING", "ends")
	// had the slot, so that the first has ended, and has ended itself
	if _, _, err := fetch(t, s, next); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := log.String(); strings.Contains(got, "signal") || strings.Count(got, "\n") > 1 {
		t.Errorf("got the log %q", got)
	}
}

// TestScriptLateExcess: what a script sends long after its response is noticed too, once.
func TestScriptLateExcess(t *testing.T) {
	s := shell(t, `printf 'Content-Length: 4\n\nbody'; read line <"$GO"; echo more; echo and more; echo done >"$SAY"`)
	n := newSignals(t, s)
	var late syncLog
	s.Stderr = &late
	if _, body, err := fetch(t, s, request("GET", nil)); body != "body" || err != nil {
		t.Fatalf("got %q, %v; want body", body, err)
	}
	n.proceed()
	if got := n.heard(); got != "done" {
		t.Errorf("the script says %q", got)
	}
	want := fmt.Sprintf("cgi: the script %q sent more than its response; the rest was dropped\n", s.Path)
	waitFor(t, func() bool { return late.String() == want })
}

// TestScriptRequestTimeout: the time runs until both the response and the script have ended, and
// the group is stopped then.
func TestScriptRequestTimeout(t *testing.T) {
	t.Parallel()
	const writer = `(echo pid $(exec sh -c 'echo $PPID'); while :; do echo more; sleep 0.05; done) &`
	for _, test := range []struct {
		name, text string
		broken     bool
	}{
		{"the script goes on after its response", `printf 'Content-Length: %d\n\npid %s\n' $((5 + ${#$})) $$; sleep 600`, false},
		{"the script has closed its output", plainHead + `echo pid $$; exec >&-; sleep 600`, false},
		{"a process left behind goes on writing", plainHead + writer, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := shell(t, test.text)
			var late syncLog
			s.Stderr = &late
			resp, body, pid := beginInTime(t, s)
			_, err := io.Copy(io.Discard, body)
			if test.broken {
				failure(t, err, 504, "the script took too long")
			} else if err != nil {
				t.Error(err)
			}
			resp.Body.Close()
			waitGone(t, pid)
			s.Close()
			want := ""
			if !test.broken {
				want = fmt.Sprintf("cgi: %q: RequestTimeout is over\n", s.Path)
			}
			if late.String() != want {
				t.Errorf("got the late log %q; want %q", late.String(), want)
			}
		})
	}
}

// beginInTime begins a response, which has a line with the number of a process, under a
// RequestTimeout that the machine meets.
func beginInTime(t *testing.T, s *cgi.Script) (resp *gateway.Response, body *bufio.Reader, pid int) {
	t.Helper()
	for _, s.RequestTimeout = range []time.Duration{time.Second, 5 * time.Second, 25 * time.Second} {
		resp, err := s.RoundTrip(request("GET", nil))
		if err != nil {
			continue
		}
		t.Cleanup(func() { resp.Body.Close() })
		body := bufio.NewReader(resp.Body)
		text, _ := body.ReadString('\n')
		if number, ok := strings.CutPrefix(text, "pid "); ok {
			return resp, body, pidOf(t, number)
		}
		resp.Body.Close()
	}
	t.Fatal("the script does not begin its response")
	return nil, nil, 0
}

// pidLine reads lines up to one that has a process number.
func pidLine(t *testing.T, body *bufio.Reader) int {
	t.Helper()
	for {
		if number, ok := strings.CutPrefix(line(t, body), "pid "); ok {
			return pidOf(t, number)
		}
	}
}

// TestScriptRequestTimeoutOfADaemon: a process that has left the group holds standard output. It
// cannot be stopped, but the response ends.
func TestScriptRequestTimeoutOfADaemon(t *testing.T) {
	t.Parallel()
	s := interpreted(t, "perl", "daemon.pl", `use POSIX ();
$| = 1;
print "Content-Type: text/plain\n\n";
exit if fork;
POSIX::setsid();
print "pid $$\n";
while (print "more\n") { select undef, undef, undef, 0.05 }
`)
	resp, body, pid := beginInTime(t, s)
	defer syscall.Kill(pid, syscall.SIGKILL)
	_, err := io.Copy(io.Discard, body)
	failure(t, err, 504, "the script took too long")
	resp.Body.Close()
	if gone(pid) {
		t.Error("the daemon was stopped")
	}
}

// TestScriptCloseStopsGroup: Close before io.EOF stops the remaining processes of the script's
// group.
func TestScriptCloseStopsGroup(t *testing.T) {
	s := shell(t, plainHead+`(trap '' TERM; while :; do sleep 0.05; done) & echo pid $!`)
	s.MaxScripts = 1
	resp, body := begin(t, s, request("GET", nil))
	pid := pidLine(t, body)
	other, _ := begin(t, s, request("GET", nil)) // has the slot, so that the script has ended
	other.Body.Close()
	resp.Body.Close()
	waitGone(t, pid)
}

// TestScriptShutdown: Close stops every script, by SIGKILL where SIGTERM does not, and waits until
// it has ended.
func TestScriptShutdown(t *testing.T) {
	const deaf = `trap '' TERM; `
	for _, test := range []struct {
		name, text string
		status     int // of the Body's error, 0 for none
	}{
		{"within its response", plainHead + deaf + `echo pid $$; while :; do sleep 0.05; done`, 503},
		{"after its response", plainHead + deaf + `echo pid $$; exec >&-; while :; do sleep 0.05; done`, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shell(t, test.text)
			s.KillDelay, s.MaxScripts = 50*time.Millisecond, 1
			s.Stderr = io.Discard
			resp, body := begin(t, s, request("GET", nil))
			pid := pidLine(t, body)
			if test.status == 0 {
				if _, err := io.Copy(io.Discard, body); err != nil {
					t.Error(err)
				}
				resp.Body.Close()
			}
			waiting := make(chan error, 1)
			go func() {
				_, err := s.RoundTrip(request("GET", nil))
				waiting <- err
			}()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if !gone(pid) {
				t.Error("the script runs after Close")
			}
			if _, err := io.Copy(io.Discard, body); test.status != 0 {
				wantClosed(t, err)
			}
			for _, err := range []error{<-waiting, roundTripError(s)} {
				wantClosed(t, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// wantClosed checks that err blames the gateway, because the Script is closed.
func wantClosed(t *testing.T, err error) {
	t.Helper()
	var ours *gateway.ServerError
	if !errors.As(err, &ours) || ours.Status != 503 || !errors.Is(err, cgi.ErrClosed) || errors.As(err, new(*gateway.BackendError)) {
		t.Errorf("got %v; want a ServerError of ErrClosed", err)
	}
}

func roundTripError(b gateway.Backend) error {
	_, err := b.RoundTrip(request("GET", nil))
	return err
}

// TestScriptShutdownUnused: there is nothing to wait for.
func TestScriptShutdownUnused(t *testing.T) {
	d := &cgi.Dir{Path: t.TempDir()}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	wantClosed(t, roundTripError(&d.Script))
}

// TestScriptEndedContext: nothing is run for a request whose context has ended.
func TestScriptEndedContext(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	s := shell(t, `echo ran >`+ran)
	s.MaxScripts = 1
	gone, leave := context.WithCancelCause(t.Context())
	leave(gateway.ErrClientGone)
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for _, test := range []struct {
		ctx    context.Context
		status int
		reason string
		cause  error
	}{
		{gone, 502, "the request was given up", gateway.ErrClientGone},
		{late, 504, "the request took too long", context.DeadlineExceeded},
		// notified late
		{&watchedContext{Context: gone}, 502, "the request was given up", context.Canceled},
	} {
		for range 5 {
			_, _, err := fetch(t, s, request("GET", nil).WithContext(test.ctx))
			failure(t, err, test.status, test.reason)
			if !errors.Is(err, test.cause) {
				t.Errorf("got %v; want %v in it", err, test.cause)
			}
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the script was run")
	}
}
