//go:build unix

package cgi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// failure is what a test expects of a BackendError.
func failure(t *testing.T, err error, status int, reason string) {
	t.Helper()
	var broken *gateway.BackendError
	if !errors.As(err, &broken) || broken.Status != status || broken.Reason != reason {
		t.Errorf("got %v; want a BackendError %d: %s", err, status, reason)
	}
}

// begin returns a script's response once its head is there, with a reader of its body.
func begin(t *testing.T, b gateway.Backend, r *gateway.Request) (*gateway.Response, *bufio.Reader) {
	t.Helper()
	resp, err := b.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, bufio.NewReader(resp.Body)
}

// line reads one line of a body.
func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("got %q, %v; want a line", s, err)
	}
	return strings.TrimSpace(s)
}

// waitGone waits until the process has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 2000 {
		if gone(pid) {
			return
		}
		pause()
	}
	t.Errorf("process %d is still there", pid)
}

// TestScriptTimeouts: C42, a 504 before the head and a broken body after it.
func TestScriptTimeouts(t *testing.T) {
	t.Parallel()
	const head = `printf 'Content-Type: text/plain\n\nbegun\n'; `
	for _, test := range []struct {
		name, text     string
		request, read  time.Duration
		strict         bool
		body, method   string
		want, wantBody string
	}{
		{name: "RequestTimeout before the head", text: "sleep 600", request: 10 * time.Millisecond, want: "the script took too long"},
		{name: "RequestTimeout after the head", text: head + "sleep 600", request: time.Second, want: "the script took too long",
			wantBody: "begun\n"},
		{name: "RequestTimeout of one that goes on writing", text: head + "while :; do echo more; sleep 0.05; done", request: time.Second, want: "the script took too long",
			wantBody: "begun\n"},
		{name: "ReadTimeout before the head", text: "sleep 600", read: 10 * time.Millisecond, want: "the script took too long"},
		{name: "ReadTimeout after the head", text: head + "sleep 600", read: time.Second, want: "the script took too long", wantBody: "begun\n"},
		{name: "ReadTimeout after some progress", text: head + "for i in 1 2 3 4; do sleep 0.1; echo $i; done; sleep 600", read: time.Second,
			want: "the script took too long", wantBody: "begun\n1\n2\n3\n4\n"},
		{name: "ReadTimeout of a closed output, strict", text: head + "exec >&-; sleep 600", read: time.Second, strict: true,
			want: "the script took too long", wantBody: "begun\n"},
		{name: "CVE-2014-0231 a body that nobody reads", text: "sleep 600", read: 10 * time.Millisecond, method: "POST",
			body: strings.Repeat("x", 1<<20), want: "the script took too long"},
		{name: "within ReadTimeout", text: head + "for i in 1 2 3 4; do sleep 0.1; echo $i; done", read: 10 * time.Second, wantBody: "begun\n1\n2\n3\n4\n"},
		{name: "no ReadTimeout", text: head + "sleep 0.2", read: -1, wantBody: "begun\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := shell(t, test.text)
			s.RequestTimeout, s.ReadTimeout, s.StrictExit = test.request, test.read, test.strict
			r := request("GET", nil)
			if test.method != "" {
				r = request(test.method, []byte(test.body))
			}
			_, body, err := fetch(t, s, r)
			if !strings.HasPrefix(body, test.wantBody) {
				t.Errorf("got the body %.100q; want %q", body, test.wantBody)
			}
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure(t, err, 504, test.want)
		})
	}
}

// TestScriptSlowClient: ReadTimeout is about the script. It does not run while the client sends the
// body, nor while the body is not read.
func TestScriptSlowClient(t *testing.T) {
	t.Parallel()
	s := shell(t, `read line; printf 'Content-Type: text/plain\n\n%s\n' "$line"; head -c 200000 /dev/zero`)
	s.ReadTimeout = time.Second
	stdin, client := io.Pipe()
	r := request("POST", []byte("12345\n"))
	r.Stdin = stdin
	go func() {
		io.WriteString(client, "12")
		time.Sleep(1300 * time.Millisecond) // more than ReadTimeout
		io.WriteString(client, "345\n")
		client.Close()
	}()
	_, body := begin(t, s, r)
	if got := line(t, body); got != "12345" {
		t.Errorf("got %q; want 12345", got)
	}
	time.Sleep(1300 * time.Millisecond) // the script waits for us
	if n, err := io.Copy(io.Discard, body); n != 200000 || err != nil {
		t.Errorf("got %d bytes, %v; want 200000", n, err)
	}
}

// TestScriptTerm: SIGTERM comes first, and the whole group gets it.
func TestScriptTerm(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	s := shell(t, `trap 'echo term >>"$LOG"; wait; exit 0' TERM
(trap 'echo child >>"$LOG"; exit 0' TERM; printf 'Content-Type: text/plain\n\nbegun\n'; while :; do sleep 0.05; done) &
wait`)
	s.Env = []string{"LOG=" + log}
	s.KillDelay = time.Minute
	resp, body := begin(t, s, request("GET", nil))
	line(t, body)
	resp.Body.Close()
	text, err := os.ReadFile(log) // Close has waited for the script, and that for what it started
	if err != nil || !strings.Contains(string(text), "term\n") || !strings.Contains(string(text), "child\n") {
		t.Errorf("got %q, %v; want both to have heard of SIGTERM", text, err)
	}
}

// TestScriptKill: SIGKILL follows if any process of the group ignores SIGTERM.
func TestScriptKill(t *testing.T) {
	const deafChild = `(trap '' TERM; echo $$ >/dev/null; while :; do sleep 0.05; done) &`
	for _, test := range []struct {
		name, text string
		delay      time.Duration
	}{
		{"deaf script", `trap '' TERM; printf 'Content-Type: text/plain\n\n%s\n' $$; while :; do sleep 0.05; done`, 50 * time.Millisecond},
		{"no delay", `printf 'Content-Type: text/plain\n\n%s\n' $$; while :; do sleep 0.05; done`, -1},
		{"deaf child", deafChild + `printf 'Content-Type: text/plain\n\n%s\n' $!; wait`, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := shell(t, test.text)
			s.KillDelay = test.delay
			resp, body := begin(t, s, request("GET", nil))
			pid := pidOf(t, line(t, body))
			resp.Body.Close()
			waitGone(t, pid)
		})
	}
}

// TestScriptAbandonsOutput: a context that ends after the script, while a process it left behind
// holds its output.
func TestScriptAbandonsOutput(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; (while :; do echo more; sleep 0.2; done) & echo $!`)
	_, body := begin(t, s, request("GET", nil).WithContext(ctx))
	var pid int
	for pid == 0 {
		if text := line(t, body); text != "more" {
			pid = pidOf(t, text)
		}
	}
	for range 3 { // by now the script has ended
		line(t, body)
	}
	cancel()
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context canceled", err)
	}
	p, err := os.FindProcess(pid)
	if err == nil {
		p.Kill()
	}
}

// TestScriptWholeOutlivesTimers: nothing that was set for a script breaks the response of one that
// has ended.
func TestScriptWholeOutlivesTimers(t *testing.T) {
	t.Parallel()
	s := shell(t, `printf 'Content-Type: text/plain\n\nbody\n'`)
	s.RequestTimeout, s.ReadTimeout = time.Second, time.Second
	_, body := begin(t, s, request("GET", nil))
	time.Sleep(1300 * time.Millisecond)
	if got, err := io.ReadAll(body); string(got) != "body\n" || err != nil {
		t.Errorf("got %q, %v; want body", got, err)
	}
}

// TestScriptLeavesInput: a process that the script has left behind holds its standard input, which
// is filled no further.
func TestScriptLeavesInput(t *testing.T) {
	s := shell(t, `exec 3<&0; sleep 600 <&3 >/dev/null 2>&1 & printf 'Content-Type: text/plain\n\n%s' $!`)
	_, body, err := fetch(t, s, request("POST", body10M()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pidOf(t, body), syscall.SIGKILL)
	for range 1000 {
		stacks := make([]byte, 1<<20)
		if !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), ".(*process).copyBody(") {
			return
		}
		pause()
	}
	t.Error("the body is still being sent")
}

// TestScriptLateOutput: the grace period of remaining processes begins when the output is read.
func TestScriptLateOutput(t *testing.T) {
	t.Parallel()
	s := shell(t, `(sleep 3; echo late) & printf 'Content-Type: text/plain\n\nbegun\n'`)
	_, body := begin(t, s, request("GET", nil))
	line(t, body)
	time.Sleep(2200 * time.Millisecond) // longer than the two seconds that they may be silent
	if got, err := io.ReadAll(body); string(got) != "late\n" || err != nil {
		t.Errorf("got %q, %v; want late", got, err)
	}
}

// watchedContext counts the callers that wait for its end.
type watchedContext struct {
	context.Context
	watchers atomic.Int64
}

// Value hides the context within, which context.AfterFunc would talk to itself.
func (c *watchedContext) Value(any) any { return nil }

// AfterFunc is what context.AfterFunc calls.
func (c *watchedContext) AfterFunc(f func()) (stop func() bool) {
	c.watchers.Add(1)
	inner := context.AfterFunc(c.Context, f)
	return func() bool {
		c.watchers.Add(-1)
		return inner()
	}
}

// TestScriptLetsGoOfContext: a context may live for much longer than a request.
func TestScriptLetsGoOfContext(t *testing.T) {
	for _, text := range []string{`printf 'Content-Type: text/plain\n\nbody'`, "exit 1"} {
		ctx := &watchedContext{Context: t.Context()}
		// whether it succeeds is not the question
		fetch(t, shell(t, text), request("GET", nil).WithContext(ctx))
		if n := ctx.watchers.Load(); n != 0 {
			t.Errorf("%q: %d wait still", text, n)
		}
	}
}
