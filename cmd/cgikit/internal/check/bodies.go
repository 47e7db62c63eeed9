package check

import (
	"bytes"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// bodyChecks are those of STDIN.
var bodyChecks = []Check{
	{"F23.1", "fastcgi.body", Must, "answers a request with a body of 1 MiB", "FastCGI section 5.3", false, answersLargeBody},
	{"F23.2", "fastcgi.body", Must, "answers a request after one with a body of 1 MiB on the same connection", "FastCGI section 3.5", false, goesOnAfterBody},
	{"F26.1", "fastcgi.body", Must, "answers or refuses a body that is shorter than CONTENT_LENGTH", "FastCGI section 6.2", false, endsShortBody},
	{"F26.2", "fastcgi.body", Must, "answers or refuses a body that is longer than CONTENT_LENGTH", "FastCGI section 6.2", false, endsLongBody},
	{"F26.3", "fastcgi.body", Must, "answers others after a connection that was closed within a body", "FastCGI section 6.2", false, survivesLostBody},
	{"F27.1", "fastcgi.body", Should, "answers a request with a body and without CONTENT_LENGTH", "RFC 3875 section 4.2", false, answersBodyOfUnknownLength},
}

func answersLargeBody(p *probe) error {
	a, err := p.fetchFastCGI(p.run.request(make([]byte, 1<<20)))
	if err == nil {
		_, err = parseResponse(a.stdout)
	}
	return err
}

func goesOnAfterBody(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	done := c.sendBeside(message(1, true, p.run.request(make([]byte, 1<<20))))
	if _, err := c.answer(1); err != nil {
		c.Close()
		<-done
		return err
	}
	<-done
	return p.goesOn(c)
}

// ends checks that a request with a wrong body comes to an end: an answer, or a closed connection.
func (p *probe) finishes(q request, body []byte) error {
	c, err := p.send(beginRecord(1, wire.RoleResponder, false), stream(wire.TypeParams, 1, pairs(q.vars)), stream(wire.TypeStdin, 1, body))
	if err != nil {
		return err
	}
	if _, err := c.answer(1); err != nil && p.ctx.Err() != nil {
		return err
	}
	return p.alive()
}

func endsShortBody(p *probe) error {
	return p.finishes(p.run.request(make([]byte, 1000)), bytes.Repeat([]byte("s"), 10))
}

func endsLongBody(p *probe) error {
	return p.finishes(p.run.request(make([]byte, 10)), bytes.Repeat([]byte("l"), 1000))
}

func survivesLostBody(p *probe) error {
	q := p.run.request(make([]byte, 1000))
	c, err := p.send(beginRecord(1, wire.RoleResponder, false), stream(wire.TypeParams, 1, pairs(q.vars)), wire.AppendRecord(nil, wire.TypeStdin, 1, q.body[:10]))
	if err != nil {
		return err
	}
	c.leave()
	return p.alive()
}

func answersBodyOfUnknownLength(p *probe) error {
	q := p.run.request([]byte("unknown"), Variable{"CONTENT_LENGTH", removed})
	a, err := p.fetchFastCGI(q)
	if err == nil {
		_, err = parseResponse(a.stdout)
	}
	return err
}
