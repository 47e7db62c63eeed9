package check

import "bytes"

// scgiBodyChecks are those of the body and of the end of an SCGI connection.
var scgiBodyChecks = []Check{
	{"S6.1", "scgi.body", Must, "ends a request whose body is shorter than CONTENT_LENGTH and then ends", "SCGI section 3", false, endsShortSCGIBody},
	{"S6.2", "scgi.body", Must, "answers a request that more bytes follow", "SCGI section 3", false, ignoresExtraBytes},
	{"S6.3", "scgi.body", Must, "answers others after a connection that was closed within a body", "SCGI section 3", false, survivesLostSCGIBody},
	{"S6.4", "scgi.body", Must, "answers a request with a body of 1 MiB", "SCGI section 3", false, answersLargeSCGIBody},
	{"S7.1", "scgi.body", Must, "closes the connection after the response", "SCGI section 4", false, closesAfterResponse},
	{"S12.2", "scgi.body", Should, "sends its response whole although 256 KiB follow that it does not read", "the kernel resets a connection with unread bytes", false, sendsBeforeReset},
	{"S9.2", "scgi.body", Should, "reads a body that comes after the head", "SCGI section 4", false, readsLateBody},
}

// scgiHostileChecks send what no web server sends.
var scgiHostileChecks = []Check{
	{"S1.4", "scgi.hostile", Must, "survives bytes that are no netstring", "SCGI section 3", false, survives(bytes.Repeat([]byte{0xff, 0x00, 0x55}, 1000))},
	{"S1.5", "scgi.hostile", Must, "survives a request of HTTP", "SCGI section 3", false, survives([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))},
	{"S1.6", "scgi.hostile", Must, "survives a netstring of 99,999,999,999 bytes", "SCGI section 3", false, survives([]byte("99999999999:CONTENT_LENGTH\x000\x00"))},
	{"S1.7", "scgi.hostile", Must, "survives a length of 40 digits", "SCGI section 3", false, survives(append(bytes.Repeat([]byte{'9'}, 40), ':'))},
	{"S1.8", "scgi.hostile", Must, "survives a connection that is closed within a netstring", "SCGI section 3", false, survives([]byte("70:CONTENT_LENGTH\x000\x00SC"))},
	{"S6.5", "scgi.hostile", Must, "survives a CONTENT_LENGTH of 30 digits", "SCGI section 3", false, survives(netstring([]byte("CONTENT_LENGTH\x00999999999999999999999999999999\x00SCGI\x001\x00")))},
}

// endsShortSCGIBody ends the sending after a part of the body.
func endsShortSCGIBody(p *probe) error {
	q := p.run.request(make([]byte, 1000))
	c, err := p.send(netstring(block(q)), q.body[:10])
	if err != nil {
		return err
	}
	c.closeWrite()
	if _, err := c.readAll(); err != nil && p.ctx.Err() != nil {
		return err
	}
	return p.alive()
}

func ignoresExtraBytes(p *probe) error {
	return p.wantSCGI(p.fetchRaw(append(netstring(block(p.run.request(nil))), "more bytes"...)))
}

// sendsBeforeReset sends more than a target reads of a request without a body. If the target closes
// the connection at once, the kernel answers the unread bytes by a reset, and the response is lost.
func sendsBeforeReset(p *probe) error {
	return p.wantSCGI(p.fetchRaw(append(netstring(block(p.run.request(nil))), make([]byte, 256<<10)...)))
}

func survivesLostSCGIBody(p *probe) error {
	q := p.run.request(make([]byte, 1000))
	c, err := p.send(netstring(block(q)), q.body[:10])
	if err != nil {
		return err
	}
	c.leave()
	return p.alive()
}

func answersLargeSCGIBody(p *probe) error {
	raw, err := p.fetchSCGI(p.run.request(make([]byte, 1<<20)))
	if err == nil {
		_, err = parseResponse(raw)
	}
	return err
}

func closesAfterResponse(p *probe) error { return p.wantSCGI(p.fetchSCGI(p.run.request(nil))) }

// readsLateBody sends the body when the head has had time to arrive.
func readsLateBody(p *probe) error {
	q := p.run.request([]byte("late"))
	c, err := p.send(netstring(block(q)))
	if err != nil {
		return err
	}
	c.quiet()
	c.send(q.body)
	raw, err := c.readAll()
	if err == nil {
		_, err = parseResponse(raw)
	}
	return err
}
