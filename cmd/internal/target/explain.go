package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// Explain adds a hint to the error of an exchange with the target that failed: why the connection
// was not made, or which other protocol is spoken there, for which it may connect again (Identify).
// An error of which nothing is known is returned as it is. The error nil stays nil.
func (t Target) Explain(ctx context.Context, err error) error {
	if err == nil || cli.Hint(err) != "" || t.Protocol == "cgi" {
		return err
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		return t.explainDial(err)
	}
	if t.Network == "" || errors.Is(err, context.Canceled) {
		return err
	}
	if other := t.Identify(ctx, Patience(err)); other != "" && other != t.Protocol {
		return cli.Failure(err, t.SpokenHint(other))
	}
	if isTimeout(err) {
		return cli.Failure(err, "the target accepts connections and does not answer: all of its workers may be busy")
	}
	return err
}

// Patience is how long Identify is to wait for each answer after a request that failed with err.
func Patience(err error) time.Duration {
	if isTimeout(err) {
		return Brief
	}
	return Patient
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// SpokenHint is the hint for a target at whose address another protocol is spoken: how to write it.
func (t Target) SpokenHint(protocol string) string {
	right := t.Address
	right.Protocol = protocol
	return fmt.Sprintf("%s is spoken at that address, not %s: write %.200s", Title(protocol), Title(t.Protocol), right)
}

// Title is the name of a protocol in a sentence, such as "FastCGI" for "fastcgi".
func Title(protocol string) string { return titles[protocol] }

var titles = map[string]string{"fastcgi": "FastCGI", "scgi": "SCGI", "http": "HTTP", "cgi": "CGI"}
