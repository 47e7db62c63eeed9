package check

import (
	"bytes"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// hostileChecks send what no web server sends. The target may answer anything or nothing, as long
// as it then answers the plain request on a new connection as before.
var hostileChecks = []Check{
	{"F1.2", "fastcgi.hostile", Must, "survives bytes that are no record", "FastCGI section 3.3", false, survives(bytes.Repeat([]byte{0xff, 0x00, 0x55}, 1000))},
	{"F1.3", "fastcgi.hostile", Must, "survives a request of HTTP", "FastCGI section 3.3", false, survives([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))},
	{"F1.4", "fastcgi.hostile", Must, "survives a connection that is closed within a header", "FastCGI section 3.3", false, survives([]byte{1, 1, 0})},
	{"F1.5", "fastcgi.hostile", Must, "survives a BEGIN_REQUEST of 3 bytes", "FastCGI section 5.1", false, survives(wire.AppendRecord(nil, wire.TypeBeginRequest, 1, []byte{0, 1, 1}))},
	{"F4.2", "fastcgi.hostile", Must, "survives a request with the id 0", "FastCGI section 3.3", false, survivesIDZero},
	{"F5.2", "fastcgi.hostile", Must, "survives PARAMS and STDIN without a BEGIN_REQUEST", "FastCGI section 3.3", false, survives(stream(wire.TypeParams, 1, pairs([]Variable{{"A", "b"}})), stream(wire.TypeStdin, 1, nil))},
	{"F9.1", "fastcgi.hostile", Must, "survives a name of 2,147,483,647 bytes that is not there", "FastCGI section 3.4", false, survivesParams([]byte{0xff, 0xff, 0xff, 0xff, 1, 'n', 'v'})},
	{"F9.2", "fastcgi.hostile", Must, "survives a name and a value whose lengths overflow 32 bits together", "FastCGI section 3.4", false, survivesParams([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'n', 'v'})},
	{"F9.3", "fastcgi.hostile", Must, "survives a pair that ends within its lengths", "FastCGI section 3.4", false, survivesParams([]byte{0x80, 0})},
	{"F10.2", "fastcgi.hostile", Must, "survives records that only applications send", "FastCGI section 3.3", false, survivesReplies},
	{"F11.1", "fastcgi.hostile", Should, "survives an empty name, a repeated name and a NUL in a value", "FastCGI section 3.4", false, survivesOddNames},
	{"F9.4", "fastcgi.hostile", Should, "survives 5,000 variables", "no document bounds them", false, survivesManyVariables},
	{"F9.5", "fastcgi.hostile", Should, "survives 4 MiB of variables", "no document bounds them", false, survivesLargeVariables},
}

// survives sends parts on a connection, closes it, and wants the plain answer on another.
func survives(parts ...[]byte) func(*probe) error {
	return func(p *probe) error {
		c, err := p.dial()
		if err != nil {
			return err
		}
		done := c.sendBeside(bytes.Join(parts, nil))
		select {
		case <-done:
		case <-time.After(p.run.quiet()): // the target does not read it
		}
		c.leave()
		<-done
		return p.alive()
	}
}

// leave ends the sending, gives the target time to see that, and closes the connection. A target
// that closes its end sooner is not waited for.
func (c *conn) leave() {
	c.closeWrite()
	c.quiet()
	c.Close()
}

// survivesParams sends a request with that content of PARAMS after valid variables.
func survivesParams(content []byte) func(*probe) error {
	return func(p *probe) error {
		valid := pairs(p.run.request(nil).vars)
		return survives(beginRecord(1, wire.RoleResponder, false), stream(wire.TypeParams, 1, append(valid, content...)), stream(wire.TypeStdin, 1, nil))(p)
	}
}

// These two make their variables when they run: every start of the command would pay for variables
// in hostileChecks.

func survivesManyVariables(p *probe) error {
	var b []byte
	for i := range 5_000 {
		b = wire.AppendPair(b, "HTTP_X_"+strconv.Itoa(i), "v")
	}
	return survivesParams(b)(p)
}

func survivesLargeVariables(p *probe) error {
	pair := wire.AppendPair(nil, "HTTP_X", string(make([]byte, 4096)))
	return survivesParams(bytes.Repeat(pair, 1024))(p)
}

func survivesIDZero(p *probe) error { return survives(p.plainMessage(0, false))(p) }

func survivesReplies(p *probe) error {
	b := p.plainMessage(1, true)
	for _, t := range []wire.RecordType{wire.TypeStdout, wire.TypeStderr, wire.TypeEndRequest, wire.TypeGetValuesResult, wire.TypeUnknownType} {
		b = wire.AppendRecord(b, t, 1, make([]byte, 8))
		b = wire.AppendRecord(b, t, 0, make([]byte, 8))
	}
	return survives(b)(p)
}

func survivesOddNames(p *probe) error {
	return survivesParams(pairs([]Variable{{"", "empty"}, {"HTTP_X", "1"}, {"HTTP_X", "2"}, {"HTTP_NUL", "a\x00b"}}))(p)
}
