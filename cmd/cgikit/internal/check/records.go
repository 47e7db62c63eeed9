package check

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// recordChecks are those of the form of records, pairs and streams.
var recordChecks = []Check{
	{"F1.1", "fastcgi.wire", Must, "closes the connection after a record of version 2", "FastCGI section 3.3", false, closesAfterVersion2},
	{"F2.1", "fastcgi.wire", Must, "skips padding of every length, 0 to 255", "FastCGI section 3.3", false, skipsPadding},
	{"F2.2", "fastcgi.wire", Must, "accepts a record of 65,535 bytes with 255 bytes of padding", "FastCGI section 3.3", false, acceptsLargestRecord},
	{"F3.1", "fastcgi.wire", Should, "pads its records to a multiple of 8 bytes", "FastCGI section 3.3", false, padsRecords},
	{"F3.2", "fastcgi.wire", Should, "sends zeros as padding and as reserved bytes", "FastCGI section 3.3", false, zeroPadding},
	{"F4.1", "fastcgi.wire", Must, "answers request 65535 with that id in every record", "FastCGI section 3.3", false, keepsID},
	{"F5.1", "fastcgi.wire", Must, "ignores STDIN of an id that is not in use", "FastCGI section 3.3", false, ignoresInactive},
	{"F6.1", "fastcgi.wire", Must, "reads PARAMS from records of 1 byte", "FastCGI section 3.3", false, readsSmallRecords},
	{"F6.2", "fastcgi.wire", Must, "reads a request whose bytes arrive one at a time", "FastCGI section 3.3", false, readsSlowly},
	{"F6.3", "fastcgi.wire", Must, "reads PARAMS that are cut into two records, at every byte", "FastCGI section 3.3", false, readsCutParams},
	{"F7.1", "fastcgi.wire", Must, "ends each stream with one empty record, not with two", "FastCGI section 3.3", false, endsStreamsOnce},
	{"F8.1", "fastcgi.wire", Must, "reads lengths of four bytes for short names and values", "FastCGI section 3.4", false, readsLongLengths},
	{"F8.2", "fastcgi.wire", Must, "reads values of 127 and of 128 bytes", "FastCGI section 3.4", false, readsLengthBorder},
	{"F10.1", "fastcgi.wire", Should, "loses nothing after a record of unknown type in a request", "FastCGI section 4.2", false, skipsUnknownRecord},
	{"F19.1", "fastcgi.end", Must, "sends an END_REQUEST of 8 bytes with a status of 0 to 3", "FastCGI section 5.5", false, endsWithStatus},
	{"F24.1", "fastcgi.end", Must, "ends STDOUT with an empty record", "FastCGI section 5.3", false, endsStdout},
	{"F24.2", "fastcgi.end", Must, "ends STDERR if it has used it", "FastCGI section 5.3", false, endsStderr},
	{"F28.1", "fastcgi.end", Should, "sends no empty STDOUT record before the end of the stream", "nginx takes it for the end", false, noEmptyStdout},
	{"F29.1", "fastcgi.end", Should, "sends nothing after END_REQUEST", "FastCGI section 5.5", false, nothingAfterEnd},
}

func closesAfterVersion2(p *probe) error {
	b := p.plainMessage(1, true)
	b[0] = 2
	c, err := p.send(b)
	if err != nil {
		return err
	}
	if _, err := c.record(); err == nil {
		return broken("the record is answered")
	}
	return c.waitClosed()
}

// skipsPadding sends PARAMS in records whose padding grows from 0 to 255. A record has whole pairs,
// which is easier to read than what FastCGI allows.
func skipsPadding(p *probe) error {
	vars := p.run.request(nil).vars
	for padding := len(vars); padding <= 255; padding++ {
		vars = append(vars, Variable{"HTTP_X_PADDING", "x"})
	}
	b := beginRecord(1, wire.RoleResponder, false)
	for padding, v := range vars {
		b = wire.AppendPadded(b, wire.TypeParams, 1, pairs([]Variable{v}), padding)
	}
	b = wire.AppendPadded(b, wire.TypeParams, 1, nil, 255)
	b = wire.AppendPadded(b, wire.TypeStdin, 1, nil, 1)
	_, err := p.sendPlain(1, b)
	return err
}

func acceptsLargestRecord(p *probe) error {
	content := pairs(p.run.request(nil).vars)
	const lengths = 1 + 4 // of a short name and a long value
	name := "HTTP_X_LONG"
	rest := wire.MaxContent - len(content) - lengths - len(name)
	content = wire.AppendPair(content, name, strings.Repeat("x", rest))
	b := beginRecord(1, wire.RoleResponder, false)
	b = wire.AppendPadded(b, wire.TypeParams, 1, content, wire.MaxPadding)
	b = append(b, stream(wire.TypeParams, 1, nil)...)
	_, err := p.sendPlain(1, append(b, stream(wire.TypeStdin, 1, nil)...))
	return err
}

// plainAnswer is the answer to the plain request. With an error it has the records that came.
func (p *probe) plainAnswer(id uint16) (*answer, error) {
	c, err := p.send(p.plainMessage(id, false))
	if err != nil {
		return &answer{}, err
	}
	a, err := c.answer(id)
	return a, p.wantAnswer(a, err)
}

func padsRecords(p *probe) error {
	a, err := p.plainAnswer(1)
	for _, r := range a.records {
		if n := len(r.content) + len(r.padding); n%8 != 0 {
			return broken("a record of type %d has %d bytes of content and %d of padding", r.Type, len(r.content), len(r.padding))
		}
	}
	return err
}

func zeroPadding(p *probe) error {
	a, err := p.plainAnswer(1)
	if err != nil {
		return err
	}
	for _, r := range a.records {
		if r.reserved != 0 || len(bytes.Trim(r.padding, "\x00")) > 0 {
			return broken("a record of type %d has the reserved byte %d and the padding % x", r.Type, r.reserved, r.padding[:min(len(r.padding), 16)])
		}
		if r.Type == wire.TypeEndRequest && !bytes.Equal(r.content[5:], make([]byte, 3)) {
			return broken("END_REQUEST has the reserved bytes % x", r.content[5:])
		}
	}
	return nil
}

func keepsID(p *probe) error {
	const id = 65535
	a, err := p.plainAnswer(id)
	for _, r := range a.records {
		if r.ID != id {
			return broken("a record of type %d has the id %d", r.Type, r.ID)
		}
	}
	return err
}

func ignoresInactive(p *probe) error {
	_, err := p.sendPlain(1, wire.AppendRecord(nil, wire.TypeStdin, 77, []byte("not in use")), p.plainMessage(1, false))
	return err
}

func readsSmallRecords(p *probe) error {
	b := beginRecord(1, wire.RoleResponder, false)
	content := pairs(p.run.request(nil).vars)
	for i := range content {
		b = wire.AppendPadded(b, wire.TypeParams, 1, content[i:i+1], 0)
	}
	b = append(b, stream(wire.TypeParams, 1, nil)...)
	_, err := p.sendPlain(1, append(b, stream(wire.TypeStdin, 1, nil)...))
	return err
}

func readsSlowly(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	c.sendSlowly(p.plainMessage(1, false))
	return p.wantAnswer(c.answer(1))
}

// readsCutParams sends a request for each place between two bytes of the variables.
func readsCutParams(p *probe) error {
	content, err := p.cutParams()
	if err != nil {
		return err
	}
	for cut := 1; cut < len(content); cut++ {
		begin := time.Now()
		c, err := p.sendPlain(1, cutMessage(content, cut))
		switch {
		case err == nil:
			c.Close()
		case p.ctx.Err() != nil && time.Since(begin) < p.run.timeout()/2:
			return skipped("the target is slow: it kept the rule at %d of %d places; for the others, check with --timeout %v", cut-1, len(content)-1, 10*p.run.timeout())
		default:
			return broken("cut after byte %d of %d: %v", cut, len(content), err)
		}
	}
	return nil
}

// cutMessage is a request whose variables are in two records. A cut of 0 leaves them in one.
func cutMessage(content []byte, cut int) []byte {
	b := beginRecord(1, wire.RoleResponder, false)
	if cut > 0 {
		b = wire.AppendRecord(b, wire.TypeParams, 1, content[:cut])
	}
	b = append(b, stream(wire.TypeParams, 1, content[cut:])...)
	return append(b, stream(wire.TypeStdin, 1, nil)...)
}

// cutParams returns the variables of the plain request after one whose lengths have four bytes, so
// that these are cut too. A target that cannot read such lengths breaks F8.1, and gets the plain
// variables alone here.
func (p *probe) cutParams() ([]byte, error) {
	plain := pairs(p.run.request(nil).vars)
	content := append([]byte("\x80\x00\x00\x06\x80\x00\x00\x01HTTP_XX"), plain...)
	c, err := p.sendPlain(1, cutMessage(content, 0))
	if c != nil {
		c.Close()
	}
	if err != nil && p.ctx.Err() == nil {
		return plain, nil
	}
	return content, err
}

func endsStreamsOnce(p *probe) error {
	a, err := p.plainAnswer(1)
	last := map[wire.RecordType]int{} // the size of the last record of each type
	for _, r := range a.records {
		if n, seen := last[r.Type]; seen && n == 0 && len(r.content) == 0 {
			return broken("two empty records of type %d follow each other", r.Type)
		}
		last[r.Type] = len(r.content)
	}
	return err
}

func readsLongLengths(p *probe) error {
	var content []byte
	for _, v := range p.run.request(nil).vars {
		for _, s := range []string{v.Name, v.Value} {
			content = append(content, 0x80, 0, byte(len(s)>>8), byte(len(s)))
		}
		content = append(content, v.Name+v.Value...)
	}
	_, err := p.sendPlain(1, beginRecord(1, wire.RoleResponder, false), stream(wire.TypeParams, 1, content), stream(wire.TypeStdin, 1, nil))
	return err
}

func readsLengthBorder(p *probe) error {
	q := p.run.request(nil)
	long := []Variable{{"HTTP_X_127", strings.Repeat("a", 127)}, {"HTTP_X_128", strings.Repeat("b", 128)}}
	q.vars = append(long, q.vars...) // a length that is misread loses what follows
	_, err := p.sendPlain(1, message(1, false, q))
	return err
}

func skipsUnknownRecord(p *probe) error {
	q := p.run.request(nil)
	const unknown = 99
	_, err := p.sendPlain(1, beginRecord(1, wire.RoleResponder, false), wire.AppendRecord(nil, unknown, 1, []byte("unknown")),
		stream(wire.TypeParams, 1, pairs(q.vars)), stream(wire.TypeStdin, 1, nil))
	return err
}

func endsWithStatus(p *probe) error {
	a, err := p.plainAnswer(1)
	if err == nil && a.end.ProtocolStatus > wire.UnknownRole {
		return broken("the protocol status is %d", a.end.ProtocolStatus)
	}
	return err
}

// lastOf returns the last record of a type, and whether there is one.
func (a *answer) lastOf(t wire.RecordType) (record, bool) {
	for _, r := range slices.Backward(a.records) {
		if r.Type == t {
			return r, true
		}
	}
	return record{}, false
}

func endsStdout(p *probe) error {
	a, err := p.plainAnswer(1)
	if err != nil {
		return err
	}
	if r, ok := a.lastOf(wire.TypeStdout); !ok || len(r.content) > 0 {
		return broken("END_REQUEST comes without an empty STDOUT record before it")
	}
	return nil
}

func endsStderr(p *probe) error {
	a, err := p.plainAnswer(1)
	if err != nil {
		return err
	}
	r, ok := a.lastOf(wire.TypeStderr)
	switch {
	case !ok:
		return skipped("the answer to the plain request has no STDERR")
	case len(r.content) > 0:
		return broken("END_REQUEST comes without an empty STDERR record before it")
	}
	return nil
}

func noEmptyStdout(p *probe) error {
	a, err := p.plainAnswer(1)
	if err != nil {
		return err
	}
	empty := false
	for _, r := range a.records {
		if r.Type != wire.TypeStdout {
			continue
		}
		if empty && len(r.content) > 0 {
			return broken("%d bytes of STDOUT follow an empty record", len(r.content))
		}
		empty = empty || len(r.content) == 0
	}
	return nil
}

func nothingAfterEnd(p *probe) error {
	c, err := p.sendPlain(1, p.plainMessage(1, false))
	if err != nil {
		return err
	}
	rest, _ := io.ReadAll(io.LimitReader(c, 64))
	if len(rest) > 0 {
		return broken("%d bytes follow END_REQUEST: % x", len(rest), rest[:min(len(rest), 16)])
	}
	return nil
}
