package check

import "github.com/cgikit/cgikit/fastcgi/wire"

// abortChecks are those of ABORT_REQUEST.
var abortChecks = []Check{
	{"F18.1", "fastcgi.abort", Must, "answers ABORT_REQUEST before the end of PARAMS by END_REQUEST", "FastCGI section 5.4", false, abortsInParams},
	{"F18.2", "fastcgi.abort", Must, "answers ABORT_REQUEST within a body by END_REQUEST", "FastCGI section 5.4", false, abortsInBody},
	{"F18.3", "fastcgi.abort", Must, "answers a request after an aborted one on the same connection", "FastCGI section 5.4", false, goesOnAfterAbort},
	{"F18.4", "fastcgi.abort", Must, "ignores ABORT_REQUEST of an id that is not in use", "FastCGI section 3.3", false, ignoresAbort},
}

// abort begins a request, sends parts of it, and aborts it.
func (p *probe) abort(parts ...[]byte) (*conn, error) {
	c, err := p.send(beginRecord(1, wire.RoleResponder, true))
	if err != nil {
		return nil, err
	}
	c.send(parts...)
	c.send(wire.AppendRecord(nil, wire.TypeAbortRequest, 1, nil))
	_, err = c.answer(1)
	return c, err
}

func abortsInParams(p *probe) error {
	_, err := p.abort(wire.AppendRecord(nil, wire.TypeParams, 1, pairs(p.run.request(nil).vars)))
	return err
}

func abortsInBody(p *probe) error {
	q := p.run.request(make([]byte, 1000))
	_, err := p.abort(stream(wire.TypeParams, 1, pairs(q.vars)), wire.AppendRecord(nil, wire.TypeStdin, 1, q.body[:10]))
	return err
}

func goesOnAfterAbort(p *probe) error {
	c, err := p.abort(wire.AppendRecord(nil, wire.TypeParams, 1, pairs(p.run.request(nil).vars)))
	if err != nil {
		return err
	}
	return p.goesOn(c)
}

func ignoresAbort(p *probe) error {
	c, err := p.send(wire.AppendRecord(nil, wire.TypeAbortRequest, 77, nil))
	if err != nil {
		return err
	}
	return p.goesOn(c)
}
