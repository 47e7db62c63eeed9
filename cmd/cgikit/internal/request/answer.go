package request

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// unknownStatus is an exit status or a protocol status that is not known.
const unknownStatus = -1

// answer is what came of one exchange.
type answer struct {
	tapped
	status   string // as it was sent; empty for none
	fields   *headers.Headers
	head     time.Duration // since the exchange began; 0 for none
	total    time.Duration
	size     int64 // of the body, in bytes
	body     []byte
	stderr   *errorStream
	exit     int // appStatus, or the exit status of a script
	protocol int // FastCGI's protocolStatus
}

// newAnswer notes the head of a response.
func (a *answer) noteHead(resp *gateway.Response) {
	a.status, a.fields = resp.Status, resp.Headers
	a.head = time.Since(a.began)
}

// noteEnd notes how the exchange has ended.
func (a *answer) noteEnd(t tapped, resp *gateway.Response, protocol string, err error) {
	a.tapped, a.total = t, time.Since(t.began)
	a.exit, a.protocol = unknownStatus, unknownStatus
	if refused := (wire.EndRequest{}); errors.As(err, &refused) {
		a.exit, a.protocol = int(refused.AppStatus), int(refused.ProtocolStatus)
		return
	}
	if err == nil && resp != nil {
		a.exit = resp.ExitStatus
		if protocol == "fastcgi" {
			a.protocol = int(wire.RequestComplete)
		}
	}
}

// code is the status as a number: the one that was sent, 302 for a Location alone, else 200; 0 for
// no answer.
func (a *answer) code() int {
	switch {
	case a.fields == nil:
		return 0
	case a.status != "":
		code, _ := strconv.Atoi(a.status[:min(len(a.status), 3)])
		return code
	case a.fields.Get("Location") != "":
		return 302
	}
	return 200
}

// statusText is the status as a user reads it.
func (a *answer) statusText() string {
	return cmp.Or(a.status, map[int]string{302: "302 Found"}[a.code()], "200 OK")
}
