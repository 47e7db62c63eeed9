package check

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// netstringChecks are those of the head of an SCGI request.
var netstringChecks = []Check{
	{"S1.1", "scgi.netstring", Must, "refuses a length with a leading zero", "SCGI section 3", false, refusesLength("0%d:")},
	{"S1.2", "scgi.netstring", Must, "refuses a length with a sign", "SCGI section 3", false, refusesLength("+%d:")},
	{"S1.3", "scgi.netstring", Must, "refuses a netstring without its comma", "SCGI section 3", false, refusesMissingComma},
	{"S2.1", "scgi.netstring", Must, "refuses a name without a value", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return append(b, "NAME\x00"...) })},
	{"S2.2", "scgi.netstring", Must, "refuses a last value that does not end in NUL", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return append(b, "NAME\x00value"...) })},
	{"S2.3", "scgi.netstring", Must, "refuses an empty name", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return append(b, "\x00value\x00"...) })},
	{"S3.1", "scgi.netstring", Must, "refuses a name that is sent twice", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return append(b, "HTTP_X\x00a\x00HTTP_X\x00b\x00"...) })},
	{"S4.1", "scgi.netstring", Must, "refuses a request whose first name is not CONTENT_LENGTH", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return append([]byte("HTTP_X\x00first\x00"), b...) })},
	{"S4.2", "scgi.netstring", Must, "refuses a request without CONTENT_LENGTH", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return bytes.Replace(b, []byte("CONTENT_LENGTH\x000\x00"), nil, 1) })},
	{"S4.3", "scgi.netstring", Must, "refuses the CONTENT_LENGTH +0", "SCGI section 3", false, refusesContentLength("+0")},
	{"S4.4", "scgi.netstring", Must, "refuses an empty CONTENT_LENGTH", "SCGI section 3", false, refusesContentLength("")},
	{"S4.5", "scgi.netstring", Must, "refuses the CONTENT_LENGTH -1", "SCGI section 3", false, refusesContentLength("-1")},
	{"S5.1", "scgi.netstring", Must, "refuses a request without the variable SCGI", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return bytes.Replace(b, []byte("SCGI\x001\x00"), nil, 1) })},
	{"S5.2", "scgi.netstring", Must, "refuses the value 2 of SCGI", "SCGI section 3", false, refusesBlock(func(b []byte) []byte { return bytes.Replace(b, []byte("SCGI\x001\x00"), []byte("SCGI\x002\x00"), 1) })},
	{"S9.1", "scgi.netstring", Should, "reads a request whose bytes arrive one at a time", "SCGI section 4", false, readsSCGISlowly},
	{"S12.1", "scgi.netstring", Should, "closes a connection whose head stalls, after a minute at most", "nginx and Apache wait for at most 60 s", false, closesStalled},
	{"S13.1", "scgi.netstring", Should, "accepts bytes in values that are not ASCII", "SCGI section 3", false, acceptsHighBytes},
	{"S15.1", "scgi.netstring", Should, "accepts a request without GATEWAY_INTERFACE and REMOTE_ADDR", "nginx and Apache leave some out", false, acceptsFewVariables},
}

// refusesLength writes the length of the netstring in another form.
func refusesLength(form string) func(*probe) error {
	return func(p *probe) error {
		b := block(p.run.request(nil))
		return p.wantRefused(append(fmt.Appendf(nil, form, len(b)), string(b)+","...))
	}
}

func refusesMissingComma(p *probe) error {
	b := netstring(block(p.run.request(nil)))
	b[len(b)-1] = 'X'
	return p.wantRefused(b)
}

// refusesBlock changes the content of the netstring.
func refusesBlock(change func([]byte) []byte) func(*probe) error {
	return func(p *probe) error { return p.wantRefused(netstring(change(block(p.run.request(nil))))) }
}

func refusesContentLength(value string) func(*probe) error {
	return refusesBlock(func(b []byte) []byte {
		return bytes.Replace(b, []byte("CONTENT_LENGTH\x000\x00"), []byte("CONTENT_LENGTH\x00"+value+"\x00"), 1)
	})
}

func readsSCGISlowly(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	c.sendSlowly(netstring(block(p.run.request(nil))))
	return p.wantSCGI(c.readAll())
}

// closesStalled sends the beginning of a head and then nothing. A target may wait for a minute:
// with a shorter timeout, a target that still waits does not fail.
func closesStalled(p *probe) error {
	b := append(block(p.run.request(nil)), stalled...)
	c, err := p.send(fmt.Appendf(nil, "%d:%s", len(b)+1, b))
	if err != nil {
		return err
	}
	err = c.waitClosed()
	if stall := cmp.Or(p.run.stall, maxStall); err != nil && p.run.timeout() < stall {
		return skipped("%v; a target may wait longer: check with --timeout %v", err, stall)
	}
	return err
}

// maxStall is a minute, and time for the target to see that it is over.
const maxStall = 65 * time.Second

// stalled is the last variable of a head that stalls. Its last NUL does not come.
const stalled = "HTTP_X_STALLED\x00y"

func (p *probe) wantSCGI(raw []byte, err error) error {
	if err != nil {
		return err
	}
	return p.wantPlain(parseResponse(raw))
}

func acceptsHighBytes(p *probe) error {
	return p.wantSCGI(p.fetchSCGI(p.run.request(nil, Variable{"HTTP_X_HIGH", "caf\xc3\xa9 \xff\x80"})))
}

func acceptsFewVariables(p *probe) error {
	q := p.run.request(nil)
	q.vars = slices.DeleteFunc(q.vars, func(v Variable) bool {
		return slices.Contains([]string{"GATEWAY_INTERFACE", "REMOTE_ADDR"}, v.Name)
	})
	return p.wantSCGI(p.fetchSCGI(q))
}
