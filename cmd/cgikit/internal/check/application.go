package check

import (
	"slices"
	"strings"
)

// applicationChecks are those of the response and of the variables, over each protocol.
var applicationChecks = []Check{
	{"A1.1", "cgi.request", Must, "refuses the method BREW", "RFC 3875 section 4.3", false, refusesMethod},
	{"A2.1", "cgi.request", Must, "reads at most CONTENT_LENGTH bytes: its input may stay open", "RFC 3875 section 4.2", false, readsItsLength},
	{"A3.1", "cgi.response", Must, "sends no body in the response to HEAD", "RFC 3875 section 4.3.3", false, sendsNoBodyToHEAD},
	{"A4.1", "cgi.response", Must, "sends a head with Content-Type, Location or Status", "RFC 3875 section 6.2", false, sendsHead},
	{"A5.1", "cgi.response", Must, "sends no hop-by-hop field", "RFC 3875 section 6.3.4", false, sendsNoHopByHop},
	{"A5.2", "cgi.response", Must, "sends no status line of HTTP", "RFC 3875 section 6.3", false, sendsNoStatusLine},
	{"A9.1", "cgi.request", Should, "refuses the CONTENT_LENGTH +0", "RFC 3875 section 4.1.2", false, refusesLengthForm("+0")},
	{"A9.2", "cgi.request", Should, "refuses the CONTENT_LENGTH 0x0", "RFC 3875 section 4.1.2", false, refusesLengthForm("0x0")},
	{"A9.3", "cgi.request", Should, "refuses a CONTENT_LENGTH of 30 digits", "RFC 3875 section 4.1.2", false, refusesLengthForm("999999999999999999999999999999")},
	{"A11.1", "cgi.request", Should, "answers a request without REQUEST_URI", "thttpd sends none", false, answersChanged(Variable{"REQUEST_URI", removed})},
	{"A12.1", "cgi.request", Should, "answers a request without SERVER_PROTOCOL", "RFC 3875 section 4.1.16", false, answersChanged(Variable{"SERVER_PROTOCOL", removed})},
	{"A12.2", "cgi.request", Should, "answers a request whose SERVER_PROTOCOL is INCLUDED", "RFC 3875 section 4.1.16", false, answersChanged(Variable{"SERVER_PROTOCOL", "INCLUDED"})},
	{"A13.1", "cgi.response", Should, "sends no control characters in a field", "RFC 9110 section 5.5", false, sendsNoControls},
}

func refusesMethod(p *probe) error {
	status, err := p.status(p.run.request(nil, Variable{"REQUEST_METHOD", "BREW"}))
	if err == nil && status < 400 {
		return broken("the method BREW gets status %d", status)
	}
	return err
}

// readsItsLength leaves the input open. Over SCGI each connection is so. Over FastCGI the stream
// STDIN has an end.
func readsItsLength(p *probe) error {
	if p.run.Target.Protocol == "fastcgi" {
		return skipped("a FastCGI body has an end of its own")
	}
	q := p.run.request([]byte("body"))
	q.open = true
	_, err := p.fetch(q)
	return err
}

func sendsNoBodyToHEAD(p *probe) error {
	r, err := p.fetch(p.run.request(nil, Variable{"REQUEST_METHOD", "HEAD"}))
	if err == nil && len(r.body) > 0 {
		return broken("the response to HEAD has a body of %d bytes", len(r.body))
	}
	return err
}

func sendsHead(p *probe) error {
	r, err := p.fetch(p.run.request(nil))
	if err != nil {
		return err
	}
	for _, name := range []string{"Content-Type", "Location", "Status"} {
		if _, ok := r.field(name); ok {
			return nil
		}
	}
	return broken("the head has none of them: it begins with %.60q", r.raw)
}

var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade"}

func sendsNoHopByHop(p *probe) error {
	r, err := p.fetch(p.run.request(nil))
	if err != nil {
		return err
	}
	for _, name := range hopByHop {
		if value, ok := r.field(name); ok {
			return broken("the head has %s: %.40q", name, value)
		}
	}
	return nil
}

func sendsNoStatusLine(p *probe) error {
	r, err := p.fetch(p.run.request(nil))
	if err != nil {
		return err
	}
	if line, ok := r.httpLine(); ok {
		return broken("the response begins with %.40q", line)
	}
	return nil
}

// refusesLengthForm sends a malformed CONTENT_LENGTH. A closed connection is a refusal too.
func refusesLengthForm(value string) func(*probe) error {
	return func(p *probe) error {
		status, err := p.status(p.run.request(nil, Variable{"REQUEST_METHOD", "POST"}, Variable{"CONTENT_LENGTH", value}))
		switch {
		case p.ctx.Err() != nil:
			return err
		case err == nil && status < 400:
			return broken("it is answered by status %d", status)
		}
		return p.alive()
	}
}

func answersChanged(v Variable) func(*probe) error {
	return func(p *probe) error { return p.wantPlain(p.fetch(p.run.request(nil, v))) }
}

func sendsNoControls(p *probe) error {
	r, err := p.fetch(p.run.request(nil))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.fields, func(f Variable) bool {
		return strings.ContainsFunc(f.Name+f.Value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
	})
	if i >= 0 {
		return broken("a field is %.60q", r.fields[i].Name+": "+r.fields[i].Value)
	}
	return nil
}
