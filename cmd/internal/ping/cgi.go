package ping

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway"
)

// runScript runs a CGI script once, and waits for its end.
func runScript(ctx context.Context, t target.Target, path string, timeout time.Duration) (answer, error) {
	b, err := t.Backend(timeout)
	if err != nil {
		return answer{}, &trouble{state: Dead, cause: err.Error()}
	}
	setKillDelay(b)
	var log firstBytes
	r := &gateway.Request{Environ: newEnviron(t.Protocol, path), Stdin: gateway.NoBody, Stderr: &log}
	resp, err := b.RoundTrip(r.WithContext(ctx))
	var a answer
	if err == nil {
		a, err = readAnswer(resp)
	}
	b.Close() // nothing is written to log from here on
	if err != nil {
		return a, scriptTrouble(ctx, t, timeout, err, log.String())
	}
	return a, nil
}

// setKillDelay has a script that is too slow end within the time of the probe.
func setKillDelay(b target.Backend) {
	const delay = 50 * time.Millisecond
	switch b := b.(type) {
	case *cgi.Script:
		b.KillDelay = delay
	case *cgi.Dir:
		b.Script.KillDelay = delay
	}
}

// scriptTrouble says why a script did not answer, with what it wrote to standard error.
func scriptTrouble(ctx context.Context, t target.Target, timeout time.Duration, err error, log string) error {
	line, _, _ := strings.Cut(strings.TrimSpace(log), "\n")
	hint := ""
	if line != "" {
		hint = fmt.Sprintf("it wrote to standard error: %.200q", line)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return newTrouble(Unhealthy, hint, "%s: no whole answer in %v", t.Path, timeout)
	}
	if number := syscall.Errno(0); errors.As(err, &number) {
		return newTrouble(Dead, startHint(t, err), "%s: the script cannot be started: %v", t.Path, number)
	}
	return newTrouble(Unhealthy, hint, "%s: %s", t.Path, causeOf(err))
}

// startHint is the hint for a script that cannot be started. Package cgi puts its own into its
// error.
func startHint(t target.Target, err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "chmod +x " + t.Path
	}
	_, hint, _ := strings.Cut(err.Error(), " (hint: ")
	return strings.TrimSuffix(hint, ")")
}

// causeOf is the detail of a failure of a backend: what the public may hear says less.
func causeOf(err error) string {
	if b := (*gateway.BackendError)(nil); errors.As(err, &b) && b.Err != nil {
		return strings.TrimPrefix(b.Reason+": "+strings.TrimPrefix(b.Err.Error(), "cgi: "), "gateway: ")
	}
	return strings.TrimPrefix(err.Error(), "gateway: ")
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct{ kept []byte }

// Write implements io.Writer.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.kept = append(f.kept, p[:min(len(p), maxFirst-len(f.kept))]...)
	return len(p), nil
}

// String returns what was kept.
func (f *firstBytes) String() string { return string(f.kept) }

const maxFirst = 256
