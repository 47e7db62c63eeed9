package ping

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// maxLine bounds a line, its end not counted. Docker keeps 4,096 bytes of all output, and a line
// that does not wrap is read at a glance.
const maxLine = 200

// line is the one line that tells the result. Named says that the user must be told which target it
// is of.
func (r *Result) line(named bool) string {
	text := r.State.String() + ": "
	switch {
	case strings.HasPrefix(r.Cause, Busy.String()+", or "):
		text = r.Cause
	case r.State == OK:
		text += r.summary()
	case named && !strings.Contains(r.Cause, r.place()):
		text += shortenLeft(r.place(), 80) + ": " + r.Cause
	default:
		text += r.Cause
	}
	return shorten(strings.ReplaceAll(exchange.Printable(text), "\n", " "), maxLine)
}

// place is the socket or the script, without the protocol.
func (r *Result) place() string {
	if r.Target.Protocol == "cgi" {
		return r.Target.Path
	}
	_, place := r.Target.Place()
	return place
}

// summary is such as: php-fpm "www" at /run/php/php8.2-fpm.sock, 0.4 ms, 3 of 20 busy, queue 0.
func (r *Result) summary() string {
	parts := []string{r.program() + " at " + shortenLeft(r.place(), 80)}
	if r.Answer.status != 0 && r.Answer.pool == nil {
		parts = append(parts, r.Answer.statusLine())
	}
	parts = append(parts, formatLatency(r.Latency))
	if r.Answer.pool != nil {
		parts = append(parts, r.Answer.pool.String())
	}
	if r.Target.Protocol != "cgi" {
		parts = append(parts, r.queueText())
	}
	return strings.Join(parts, ", ")
}

// program is what answered.
func (r *Result) program() string {
	if pool := r.Answer.pool; pool != nil {
		return fmt.Sprintf("php-fpm %.40q", pool.Name)
	}
	return target.Title(r.Target.Protocol)
}

// queueText is the queue of the kernel, else that of the status page.
func (r *Result) queueText() string {
	if pool := r.Answer.pool; !r.Queue.Known && pool != nil && r.Target.Network == "tcp" {
		return fmt.Sprintf("queue %d of %d", pool.Numbers["listen-queue"], pool.Numbers["listen-queue-len"])
	}
	return r.Queue.String()
}

// formatLatency is such as "0.4 ms".
func formatLatency(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// shorten cuts what is over n bytes, between two characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("...")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// shortenLeft keeps the end, which says more of a path.
func shortenLeft(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := len(s) - n + len("...")
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return "..." + s[i:]
}
