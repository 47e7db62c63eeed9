package check

import "github.com/cgikit/cgikit/fastcgi/wire"

// keepAliveChecks are those of the end of a connection.
var keepAliveChecks = []Check{
	{"F17.1", "fastcgi.keepalive", Must, "closes the connection after a request without KEEP_CONN", "FastCGI section 3.5", false, closesWithoutKeep},
	{"F17.2", "fastcgi.keepalive", Must, "answers a second request on a connection with KEEP_CONN", "FastCGI section 3.5", false, keepsOpen},
	{"F17.3", "fastcgi.keepalive", Must, "closes a kept connection after a request without KEEP_CONN", "FastCGI section 3.5", false, closesAfterLast},
	{"F22.1", "fastcgi.keepalive", Must, "sends nothing before the variables are complete", "FastCGI section 6.2", false, waitsForParams},
}

// multiplexChecks are those of several requests on a connection.
var multiplexChecks = []Check{
	{"F20.1", "fastcgi.multiplexing", Must, "answers or refuses a second request that begins beside the first", "FastCGI section 5.5", false, answersSecond},
	{"F20.2", "fastcgi.multiplexing", Must, "answers a request above its limit by OVERLOADED or CANT_MPX_CONN", "FastCGI section 5.5", false, refusesAboveLimit},
	{"F21.1", "fastcgi.multiplexing", Must, "treats a second BEGIN_REQUEST of an id in use as an error", "FastCGI section 3.3", false, refusesSecondBegin},
	{"F32.1", "fastcgi.multiplexing", Should, "answers 8 requests whose records are mixed, if FCGI_MPXS_CONNS is 1", "FastCGI section 3.3", false, answersMixed},
}

func closesWithoutKeep(p *probe) error {
	c, err := p.sendPlain(1, p.plainMessage(1, false))
	if err != nil {
		return err
	}
	return c.waitClosed()
}

func keepsOpen(p *probe) error {
	c, err := p.sendPlain(1, p.plainMessage(1, true))
	if err != nil {
		return err
	}
	return p.goesOn(c)
}

func closesAfterLast(p *probe) error {
	c, err := p.sendPlain(1, p.plainMessage(1, true))
	if err != nil {
		return err
	}
	if err := p.goesOn(c); err != nil && p.ctx.Err() == nil {
		return skipped("it does not keep connections open: %v", err)
	}
	return c.waitClosed()
}

func waitsForParams(p *probe) error {
	q := p.run.request(nil)
	c, err := p.send(beginRecord(1, wire.RoleResponder, false), wire.AppendRecord(nil, wire.TypeParams, 1, pairs(q.vars)))
	if err != nil {
		return err
	}
	if !c.quiet() {
		r, err := c.record()
		if err != nil {
			return c.describe(err, "the end of PARAMS was sent")
		}
		return broken("a record of type %d comes before the end of PARAMS was sent", r.Type)
	}
	c.send(stream(wire.TypeParams, 1, nil), stream(wire.TypeStdin, 1, nil))
	return p.wantAnswer(c.answer(1))
}

// answersSecond begins request 2 while the variables of request 1 are not complete. The target may
// answer both, or refuse the second.
func answersSecond(p *probe) error {
	q := p.run.request(nil)
	c, err := p.send(beginRecord(1, wire.RoleResponder, true), p.plainMessage(2, true))
	if err != nil {
		return err
	}
	second, err := c.answer(2)
	if err != nil {
		return err
	}
	if s := second.end.ProtocolStatus; s != wire.CannotMultiplex && s != wire.Overloaded && s != wire.RequestComplete {
		return broken("END_REQUEST of the second has the protocol status %v", s)
	}
	c.send(stream(wire.TypeParams, 1, pairs(q.vars)), stream(wire.TypeStdin, 1, nil))
	if err := p.wantAnswer(c.answer(1)); err != nil {
		return broken("the first request: %v", err)
	}
	return nil
}

// refusesSecondBegin begins a request again after all of its variables. An answer to the request
// means that the second beginning was lost or has reset it.
func refusesSecondBegin(p *probe) error {
	q := p.run.request(nil)
	c, err := p.send(beginRecord(1, wire.RoleResponder, true), wire.AppendRecord(nil, wire.TypeParams, 1, pairs(q.vars)),
		beginRecord(1, wire.RoleResponder, true), stream(wire.TypeParams, 1, nil), stream(wire.TypeStdin, 1, nil))
	if err != nil {
		return err
	}
	a, err := c.answer(1)
	switch {
	case err == nil && a.end.ProtocolStatus == wire.RequestComplete && len(a.stdout) > 0:
		return broken("the request is answered as if it had begun once")
	case err != nil && p.ctx.Err() != nil:
		return err
	}
	return p.alive()
}

// dialMultiplexed opens a connection to a target that promises multiplexing. For any other target,
// the error is that the check is skipped.
func (p *probe) dialMultiplexed() (*conn, error) {
	c, values, err := p.fetchValues(valueNames)
	switch {
	case err != nil:
		return nil, skipped("GET_VALUES is not answered, so that nothing promises multiplexing")
	case values["FCGI_MPXS_CONNS"] != "1":
		return nil, skipped("FCGI_MPXS_CONNS is %.16q", values["FCGI_MPXS_CONNS"])
	}
	c.Close()
	return p.dial()
}

// manyRequests is how many requests a check begins on a connection before one that must be above
// the limit. No known application allows so many.
const manyRequests = 1024

// refusesAboveLimit begins many requests that stay open, and then sends a complete one. Those above
// the limit must be refused, and the first one must still be answered.
func refusesAboveLimit(p *probe) error {
	c, err := p.dialMultiplexed()
	if err != nil {
		return err
	}
	params := pairs(p.run.request(nil).vars)
	b := append(beginRecord(1, wire.RoleResponder, true), wire.AppendRecord(nil, wire.TypeParams, 1, params)...)
	for id := uint16(2); id <= manyRequests; id++ {
		b = append(b, beginRecord(id, wire.RoleResponder, true)...)
	}
	const last = manyRequests + 1
	done := c.sendBeside(append(b, p.plainMessage(last, true)...))
	a, err := c.answer(last)
	if err != nil {
		c.Close()
		<-done
		return err
	}
	<-done
	if err := a.checkRefusals(); err != nil {
		return err
	}
	c.send(stream(wire.TypeParams, 1, nil), stream(wire.TypeStdin, 1, nil))
	if err := p.wantAnswer(c.answer(1)); err != nil {
		return broken("the first request: %v", err)
	}
	return nil
}

// checkRefusals checks the status of each END_REQUEST that came for one of many requests. Only the
// last of them was complete.
func (a *answer) checkRefusals() error {
	refused := 0
	for _, r := range a.records {
		if r.Type != wire.TypeEndRequest {
			continue
		}
		end, err := wire.ParseEndRequest(r.content)
		s := end.ProtocolStatus
		switch {
		case err != nil:
			return err
		case s == wire.CannotMultiplex || s == wire.Overloaded:
			refused++
		case s != wire.RequestComplete || r.ID != manyRequests+1:
			return broken("END_REQUEST of request %d has the protocol status %v", r.ID, s)
		}
	}
	if refused == 0 {
		return skipped("it has no limit below %d requests of a connection", manyRequests+1)
	}
	return nil
}

func answersMixed(p *probe) error {
	c, err := p.dialMultiplexed()
	if err != nil {
		return err
	}
	c.send(p.mixed(8))
	open := map[uint16]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true}
	for len(open) > 0 {
		r, err := c.record()
		switch {
		case err != nil:
			return c.describe(err, "END_REQUEST of all requests")
		case !open[r.ID]:
			return broken("a record of type %d has the id %d, which is not in use", r.Type, r.ID)
		case r.Type == wire.TypeEndRequest:
			if r.content[4] != 0 {
				return broken("END_REQUEST of request %d has the protocol status %d", r.ID, r.content[4])
			}
			delete(open, r.ID)
		}
	}
	return nil
}

// mixed is n requests, of which each part follows the same part of the others.
func (p *probe) mixed(n uint16) (b []byte) {
	q := p.run.request(nil)
	for _, part := range []func(id uint16) []byte{
		func(id uint16) []byte { return beginRecord(id, wire.RoleResponder, true) },
		func(id uint16) []byte { return stream(wire.TypeParams, id, pairs(q.vars)) },
		func(id uint16) []byte { return stream(wire.TypeStdin, id, nil) },
	} {
		for id := uint16(1); id <= n; id++ {
			b = append(b, part(id)...)
		}
	}
	return b
}
