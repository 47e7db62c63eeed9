package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Some fields of a response are for the web server: X-Accel-Redirect and X-Sendfile name a file
// that it sends in place of the body, and others say how to send it. They pass to a web server in
// front. Where the Handler answers the client itself, it acts on those that Offload allows; the
// rest is of no use to a client, and tells it paths of files.

// passesAccel reports whether there is a web server in front.
func (x *relay) passesAccel() bool { return x.handler.PassAccel || !x.current.OriginServer }

// clean removes the fields that are not for the client, and forbids browsers to guess a type.
func (x *relay) clean(resp *gateway.Response) {
	fields := resp.Headers
	var removed []string // seldom any
	for name := range fields.All() {
		if isInternal(name) || isForServer(name) && !x.passesAccel() {
			removed = append(removed, name)
		}
	}
	for _, name := range removed {
		fields.Del(name)
	}
	x.warnRemoved(removed)
	if !exchange.HasNoBody(resp.Status) && !fields.Has("Content-Type") {
		_ = fields.Set("X-Content-Type-Options", "nosniff") // a valid field
	}
}

// warnRemoved logs once a minute at most that fields were removed which the application expects to
// have an effect. X-Accel-Buffering has had its effect: the answer was not read ahead.
func (x *relay) warnRemoved(names []string) {
	names = slices.DeleteFunc(names, func(name string) bool {
		return isInternal(name) || strings.EqualFold(name, "X-Accel-Buffering")
	})
	if len(names) > 0 && x.handler.accelRemoved.IsNews() {
		x.sent.Warn(fmt.Sprintf("%.200s of the application has no effect and is removed (hint: allow folders by --offload, or name a web "+
			"server in front that takes it by --pass-accel; in a program, by Offload and PassAccel)", strings.Join(names, ", ")))
	}
}

// isInternal tells fields that are for a gateway and never for another server (RFC 3875 section
// 6.3.5).
func isInternal(name string) bool { return hasPrefixFold(name, "X-CGI-") }

// isForServer tells fields that an application means for its web server: nginx, Apache's
// mod_xsendfile, lighttpd.
func isForServer(name string) bool {
	return hasPrefixFold(name, "X-Accel-") || hasPrefixFold(name, "X-LIGHTTPD-") ||
		strings.EqualFold(name, "X-Sendfile") || strings.EqualFold(name, "X-Sendfile2")
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
