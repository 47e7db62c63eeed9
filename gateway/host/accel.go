package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Some fields of a response are instructions to the web server: X-Accel-Redirect and X-Sendfile
// name a file that it sends in place of the body, and others say how to send it. The Handler passes
// them to a web server in front. If it answers the client itself, it handles those that Offload
// allows, and removes the others, which are useless to a client and show it paths of files.

// passesAccel reports whether the response goes to a web server in front.
func (x *relay) passesAccel() bool { return x.handler.PassAccel || !x.current.OriginServer }

// cleanFields removes the fields that the client must not get, and forbids browsers to guess a
// type.
func (x *relay) cleanFields(resp *gateway.Response) {
	fields := resp.Headers
	resp.Unbuffered = resp.Unbuffered || isUnbuffered(resp)
	var removed []string // usually empty
	for name := range fields.All() {
		if isInternal(name) || isServerField(name) && !x.passesAccel() {
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

// isUnbuffered reports whether the application forbids to buffer the response, as nginx has it.
func isUnbuffered(resp *gateway.Response) bool {
	return strings.EqualFold(resp.Headers.Get("X-Accel-Buffering"), "no")
}

// warnRemoved logs, at most once a minute, the removal of fields from which the application expects
// an effect. X-Accel-Buffering is not among them: readAhead and Forward follow it.
func (x *relay) warnRemoved(names []string) {
	names = slices.DeleteFunc(names, func(name string) bool {
		return isInternal(name) || strings.EqualFold(name, "X-Accel-Buffering")
	})
	if len(names) > 0 && x.handler.accelRemoved.IsNews() {
		x.sent.Warn(fmt.Sprintf("%.200s of the application has no effect and is removed (hint: allow folders by --offload, or name a web "+
			"server in front that takes it by --pass-accel; in a program, by Offload and PassAccel)", strings.Join(names, ", ")))
	}
}

// isInternal reports whether a field is an instruction to the gateway, which must not be passed on
// (RFC 3875 section 6.3.5).
func isInternal(name string) bool { return hasPrefixFold(name, "X-CGI-") }

// isServerField reports whether a field is an instruction to a web server: nginx, Apache's
// mod_xsendfile or lighttpd.
func isServerField(name string) bool {
	return hasPrefixFold(name, "X-Accel-") || hasPrefixFold(name, "X-LIGHTTPD-") ||
		strings.EqualFold(name, "X-Sendfile") || strings.EqualFold(name, "X-Sendfile2")
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
