package gatewaytest

import (
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// refusedCases check what an App must not be able to send.
var refusedCases = []Case{
	refused("refused-hop-by-hop", "an App cannot send a hop-by-hop field (RFC 3875 section 6.3.4; A5, C39)", static("200 OK", "hello", "Transfer-Encoding", "chunked")),
	refused("refused-status-field", "an App cannot send the field Status (RFC 3875 section 6.3.3)", static("200 OK", "hello", "Status", "200 OK")),
	refused("refused-header-injection", "a line break in a value does not split the response (CVE-2023-38709; A13)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("X-Foo", "bar\r\nX-Evil: 1")
		return text(w, "hello")
	}),
	refused("refused-status-injection", "a line break in the status does not split the response (CVE-2023-38709; A13)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		return w.Start("200 OK\r\nX-Evil: 1")
	}),
	refused("refused-line-feed", "a bare line feed in a value does not split the response (CVE-2023-38709; A13)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("X-Foo", "bar\nX-Evil: 1")
		return text(w, "hello")
	}),
	refused("refused-nul", "a NUL in a value does not reach the web server, where it may end the value (A13)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("X-Evil", "1\x002")
		return text(w, "hello")
	}),
	refused("refused-name", "a field's name must be a valid token (RFC 9110 section 5.1; A13)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("X-Evil: 1\r\nX-Foo", "bar")
		return text(w, "hello")
	}),
}

// refused checks that the client gets the error page, and nothing else, in place of a response that
// breaks a rule.
func refused(name, rule string, app gateway.AppFunc) Case {
	return Case{Name: name, Rule: rule, app: app, drive: func(p *probe) {
		r := p.doWhole(request{}, 500)
		if got := r.header.Get("X-Evil"); got != "" || strings.Contains(string(r.body), "hello") {
			p.errorf("got X-Evil %q and body %s; want the error page", got, short(string(r.body)))
		}
	}}
}
