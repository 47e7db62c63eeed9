package check

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// echoChecks need the application of Echo, which shows what arrived.
var echoChecks = []Check{
	{"F6.4", "fastcgi.echo", Must, "passes variables on unchanged from records of 1 byte", "FastCGI section 3.3", true, echoesSmallRecords},
	{"F8.3", "fastcgi.echo", Must, "passes values of 0, 1, 127, 128 and 65,535 bytes on unchanged", "FastCGI section 3.4", true, echoesLengths},
	{"F18.5", "fastcgi.echo", Must, "answers ABORT_REQUEST of a request that runs by END_REQUEST", "FastCGI section 5.4", true, abortsRunning},
	{"F23.3", "fastcgi.echo", Must, "answers before the body has ended", "FastCGI section 3.5", true, answersEarly},
	{"F25.1", "fastcgi.echo", Should, "sends 256 KiB of STDERR before the head and within the body", "FastCGI section 5.3", true, sendsLargeLog},
	{"F26.4", "fastcgi.echo", Must, "tells the application of a body that is shorter than CONTENT_LENGTH", "FastCGI section 6.2", true, reportsShortBody},
	{"F32.2", "fastcgi.echo", Should, "answers a request beside one that waits, if FCGI_MPXS_CONNS is 1", "FastCGI section 3.3", true, answersBesideWaiting},
	{"S6.6", "scgi.echo", Must, "tells the application of a body that is shorter than CONTENT_LENGTH", "SCGI section 3", true, reportsShortSCGIBody},
	{"A3.2", "cgi.echo", Must, "sends no body of 100,000 bytes in the response to HEAD", "RFC 3875 section 4.3.3", true, sendsNoLargeBodyToHEAD},
	{"A4.2", "cgi.echo", Must, "answers with status 500 if the application fails before the head", "RFC 3875 section 6.3.3", true, answersFailure},
	{"A11.2", "cgi.echo", Should, "passes bytes of variables on unchanged, ASCII or not", "RFC 3875 section 4.1", true, echoesBytes},
	{"A2.2", "cgi.echo", Must, "passes a body of 1 MiB on unchanged", "RFC 3875 section 4.2", true, echoesBody},
	{"A4.3", "cgi.echo", Must, "sends a response of 1 MiB whole", "RFC 3875 section 6.1", true, sendsLargeResponse},
}

// page is a request for a page of Echo.
func (r *Run) page(path, query string, body []byte, changed ...Variable) request {
	to := []Variable{{"PATH_INFO", path}, {"QUERY_STRING", query}, {"REQUEST_URI", path + "?" + query}}
	return r.request(body, append(to, changed...)...)
}

// wantVars compares the page /vars with the variables that were sent.
func wantVars(raw []byte, err error, want ...Variable) error {
	if err != nil {
		return err
	}
	r, err := parseResponse(raw)
	if err != nil {
		return err
	}
	lines := strings.Split(string(r.body), "\n")
	for _, v := range want {
		if !slices.ContainsFunc(lines, func(line string) bool {
			name, value, _ := strings.Cut(line, "=")
			value, err := url.PathUnescape(value)
			return err == nil && name == v.Name && value == v.Value
		}) {
			return broken("%s, with %d bytes, did not arrive as it was sent", v.Name, len(v.Value))
		}
	}
	return nil
}

func echoesSmallRecords(p *probe) error {
	want := Variable{"HTTP_X_ECHO", "a value with = and %"}
	b := beginRecord(1, wire.RoleResponder, false)
	for _, c := range pairs(p.run.page("/vars", "", nil, want).vars) {
		b = wire.AppendPadded(b, wire.TypeParams, 1, []byte{c}, 0)
	}
	c, err := p.send(append(b, stream(wire.TypeParams, 1, nil)...), stream(wire.TypeStdin, 1, nil))
	if err != nil {
		return err
	}
	a, err := c.answer(1)
	return wantVars(a.stdout, err, want)
}

func echoesLengths(p *probe) error {
	var want []Variable
	for _, n := range []int{0, 1, 127, 128, 65535} {
		want = append(want, Variable{"HTTP_X_" + strings.Repeat("N", n%200), strings.Repeat("v", n)})
	}
	c, err := p.send(message(1, false, p.run.page("/vars", "", nil, want...)))
	if err != nil {
		return err
	}
	a, err := c.answer(1)
	return wantVars(a.stdout, err, want...)
}

func abortsRunning(p *probe) error {
	c, err := p.send(message(1, true, p.run.page("/wait", "", nil)))
	if err != nil {
		return err
	}
	if !c.quiet() {
		return broken("the page /wait does not wait")
	}
	c.send(wire.AppendRecord(nil, wire.TypeAbortRequest, 1, nil))
	_, err = c.answer(1)
	return err
}

// answersEarly sends the end of the body only after the answer.
func answersEarly(p *probe) error {
	q := p.run.page("/early", "", make([]byte, 1000))
	c, err := p.send(beginRecord(1, wire.RoleResponder, true), stream(wire.TypeParams, 1, pairs(q.vars)), wire.AppendRecord(nil, wire.TypeStdin, 1, q.body[:10]))
	if err != nil {
		return err
	}
	a, err := c.answer(1)
	if err == nil && !bytes.HasSuffix(a.stdout, []byte("early")) {
		return broken("the response ends in %.20q", a.stdout)
	}
	return err
}

func sendsLargeLog(p *probe) error {
	const size = 256 << 10
	a, err := p.fetchFastCGI(p.run.page("/log", "262144", nil))
	switch {
	case err != nil:
		return err
	case !bytes.HasSuffix(a.stdout, []byte("log")):
		return broken("the response ends in %.20q", a.stdout[max(len(a.stdout)-20, 0):])
	case len(a.stderr) != 2*size:
		return broken("%d bytes of STDERR came; %d were written", len(a.stderr), 2*size)
	}
	return nil
}

// wantShort checks that a body which was cut is not taken for a whole one.
func wantShort(r *response, err error) error {
	if err == nil && r.status() < 400 {
		return broken("the response is %d with %d bytes, as if the body were whole", r.status(), len(r.body))
	}
	return nil // an answer that breaks off tells it too
}

func reportsShortBody(p *probe) error {
	q := p.run.page("/body", "", make([]byte, 1000))
	c, err := p.send(beginRecord(1, wire.RoleResponder, false), stream(wire.TypeParams, 1, pairs(q.vars)), stream(wire.TypeStdin, 1, q.body[:10]))
	if err != nil {
		return err
	}
	a, err := c.answer(1)
	switch {
	case p.ctx.Err() != nil:
		return err
	case err != nil:
		return nil
	}
	return wantShort(parseResponse(a.stdout))
}

func reportsShortSCGIBody(p *probe) error {
	q := p.run.page("/body", "", make([]byte, 1000))
	c, err := p.send(netstring(block(q)), q.body[:10])
	if err != nil {
		return err
	}
	c.closeWrite()
	raw, err := c.readAll()
	switch {
	case p.ctx.Err() != nil:
		return err
	case err != nil || len(raw) == 0:
		return nil
	}
	return wantShort(parseResponse(raw))
}

func answersBesideWaiting(p *probe) error {
	c, values, err := p.fetchValues(valueNames)
	switch {
	case err != nil:
		return skipped("GET_VALUES is not answered, so that nothing promises multiplexing")
	case values["FCGI_MPXS_CONNS"] != "1":
		return skipped("FCGI_MPXS_CONNS is %.16q", values["FCGI_MPXS_CONNS"])
	}
	c.Close()
	c, err = p.send(message(1, true, p.run.page("/wait", "", nil)), message(2, true, p.run.request(nil)))
	if err != nil {
		return err
	}
	return p.wantAnswer(c.answer(2))
}

func sendsNoLargeBodyToHEAD(p *probe) error {
	r, err := p.fetch(p.run.page("/large", "100000", nil, Variable{"REQUEST_METHOD", "HEAD"}))
	if err == nil && len(r.body) > 0 {
		return broken("the response to HEAD has a body of %d bytes", len(r.body))
	}
	return err
}

func answersFailure(p *probe) error {
	r, err := p.fetch(p.run.page("/panic", "", nil))
	if err == nil && r.status() != 500 {
		return broken("the status is %d", r.status())
	}
	return err
}

func echoesBytes(p *probe) error {
	want := []Variable{{"HTTP_X_HIGH", "caf\xc3\xa9 \xff\x80"}, {"HTTP_X_MARKS", "=&%;\"'\\"}, {"HTTP_X_EMPTY", ""}}
	r, err := p.fetch(p.run.page("/vars", "", nil, want...))
	if err != nil {
		return err
	}
	return wantVars(r.raw, nil, want...)
}

func echoesBody(p *probe) error {
	body := make([]byte, 1<<20)
	for i := range body {
		body[i] = byte(i * i >> 8)
	}
	r, err := p.fetch(p.run.page("/body", "", body))
	if err == nil && !bytes.Equal(r.body, body) {
		return broken("%d bytes came back, with status %d; %d were sent, or bytes differ", len(r.body), r.status(), len(body))
	}
	return err
}

func sendsLargeResponse(p *probe) error {
	const size = 1 << 20
	r, err := p.fetch(p.run.page("/large", "1048576", nil))
	if err == nil && (len(r.body) != size || bytes.Count(r.body, []byte("x")) != size) {
		return broken("%d bytes came; want %d", len(r.body), size)
	}
	return err
}
