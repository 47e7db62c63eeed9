package fastcgi_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// The FastCGI client of the tests. It shares no code with package fastcgi, so that a mistake there
// is not repeated here.

// Record types, and what one connection may be asked for (FastCGI section 8).
const (
	typeBegin = 1 + iota
	typeAbort
	typeEnd
	typeParams
	typeStdin
	typeStdout
	typeStderr
	typeData
	typeGetValues
	typeGetValuesResult
	typeUnknownType

	responder = 1
	keepConn  = 1
)

// patience bounds every wait of the tests.
const patience = 30 * time.Second

// rec is a record without padding.
func rec(kind byte, id uint16, content string) string {
	return padded(kind, id, content, "")
}

func padded(kind byte, id uint16, content, padding string) string {
	h := []byte{1, kind, byte(id >> 8), byte(id), byte(len(content) >> 8), byte(len(content)), byte(len(padding)), 0}
	return string(h) + content + padding
}

func begin(id uint16, role, flags byte) string {
	return rec(typeBegin, id, string([]byte{0, role, flags, 0, 0, 0, 0, 0}))
}

// pairs encodes names and values, with lengths of four bytes where they are needed.
func pairs(namesAndValues ...string) string {
	var b []byte
	for i := 0; i < len(namesAndValues); i += 2 {
		for _, s := range namesAndValues[i : i+2] {
			if len(s) < 128 {
				b = append(b, byte(len(s)))
			} else {
				b = binary.BigEndian.AppendUint32(b, uint32(len(s))|1<<31)
			}
		}
		b = append(b, namesAndValues[i]...)
		b = append(b, namesAndValues[i+1]...)
	}
	return string(b)
}

// required is the variables of every request (RFC 3875 sections 4.1.12 and 4.1.16): without them,
// net/http/fcgi answers 500.
var required = pairs("REQUEST_METHOD", "GET", "SERVER_PROTOCOL", "HTTP/1.1")

// params is a whole PARAMS stream. It begins with what is required, of which the last value counts.
func params(id uint16, namesAndValues ...string) string {
	return rec(typeParams, id, required+pairs(namesAndValues...)) + rec(typeParams, id, "")
}

// head is a request up to its body.
func head(id uint16, flags byte, namesAndValues ...string) string {
	return begin(id, responder, flags) + params(id, namesAndValues...)
}

// get is a whole GET request for path.
func get(id uint16, flags byte, path string) string {
	return head(id, flags, "REQUEST_URI", path) + rec(typeStdin, id, "")
}

// record is one that came back.
type record struct {
	kind    byte
	id      uint16
	content string
}

// client is one connection to a server under test.
type client struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, addr net.Addr) *client {
	t.Helper()
	nc, err := net.DialTimeout(addr.Network(), addr.String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &client{t, nc}
}

func (c *client) send(records ...string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, strings.Join(records, "")); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
	return c
}

// read returns the next record, or the error that the connection ended with.
func (c *client) read() (record, error) {
	var h [8]byte
	if _, err := io.ReadFull(c.Conn, h[:]); err != nil {
		return record{}, err
	}
	if string(h[:]) == "\xff\xff\xff\xff\xff\xff\xff\xff" {
		return record{}, errBroken
	}
	if h[0] != 1 || h[7] != 0 {
		c.t.Errorf("header %q: version or reserved byte is wrong (F1, F3)", h[:])
	}
	size := int(binary.BigEndian.Uint16(h[4:]))
	content := make([]byte, size+int(h[6]))
	if _, err := io.ReadFull(c.Conn, content); err != nil {
		return record{}, io.ErrUnexpectedEOF
	}
	// STDOUT that is flushed has no padding, for nginx's sake: see output.Flush.
	if strings.Trim(string(content[size:]), "\x00") != "" || len(content)%8 != 0 && h[1] != 6 {
		c.t.Errorf("record of %d bytes padded with %q (F3)", size, content[size:])
	}
	if h[1] == typeStderr && size > 0 && h[6] == 0 {
		c.t.Errorf("STDERR record of %d bytes without padding, for which see appendError", size)
	}
	return record{h[1], binary.BigEndian.Uint16(h[2:]), string(content[:size])}, nil
}

// errBroken is the mark of a response that is not whole.
var errBroken = errors.New("eight bytes 0xFF")

// next is read that expects a record.
func (c *client) next() record {
	c.t.Helper()
	r, err := c.read()
	if err != nil {
		c.t.Fatalf("reading a record: %v", err)
	}
	return r
}

// answer is one request's share of what came back.
type answer struct {
	stdout, stderr           string
	stdoutEnded, stderrEnded bool
	appStatus                uint32
	protocolStatus           byte
}

// answers reads until n requests have ended, and checks that each keeps to the protocol.
func (c *client) answers(n int) map[uint16]*answer {
	c.t.Helper()
	all := make(map[uint16]*answer)
	for ended := 0; ended < n; {
		r := c.next()
		a := all[r.id]
		if a == nil {
			a = new(answer)
			all[r.id] = a
		}
		a.add(c.t, r)
		if r.kind == typeEnd {
			ended++
		}
	}
	return all
}

func (a *answer) add(t *testing.T, r record) {
	t.Helper()
	switch {
	case r.kind == typeStdout && !a.stdoutEnded:
		a.stdout += r.content
		a.stdoutEnded = r.content == ""
	case r.kind == typeStderr && !a.stderrEnded:
		a.stderr += r.content
		a.stderrEnded = r.content == ""
	case r.kind == typeEnd && len(r.content) == 8:
		a.appStatus = binary.BigEndian.Uint32([]byte(r.content))
		a.protocolStatus = r.content[4]
		if r.content[5:] != "\x00\x00\x00" {
			t.Errorf("END_REQUEST's reserved bytes are %q (F19)", r.content[5:])
		}
	default:
		t.Errorf("record %+v is out of place (F7, F24, F28)", r)
	}
}

// said returns the error output of the App and the gateway: on STDERR, and for nethttp in the
// server's log.
func (a *answer) said(srv *server) string {
	if differs(srv.t, "FCGI_STDERR") && a.stderr == "" {
		return srv.log.String()
	}
	if !a.stderrEnded {
		srv.t.Error("STDERR was not ended (F24)")
	}
	return a.stderr
}

// whole reads the answer of the only request under way, and checks that it is complete.
func (c *client) whole(id uint16) string {
	c.t.Helper()
	a := c.answers(1)[id]
	if a == nil {
		c.t.Fatalf("another request than %d was answered", id)
	}
	if !a.stdoutEnded || a.stderr != "" && !a.stderrEnded || a.appStatus != 0 || a.protocolStatus != 0 {
		c.t.Errorf("answer %+v is not complete (F7, F24)", *a)
	}
	return a.stdout
}

// ended checks that the server has closed its side.
func (c *client) ended() {
	c.t.Helper()
	if r, err := c.read(); err != io.EOF {
		c.t.Errorf("read %+v, %v; want the end of the connection", r, err)
	}
}

// ask sends GET_VALUES and returns the answer. net/http/fcgi ends it by an empty record.
func (c *client) ask(query string) record {
	c.t.Helper()
	answer := c.send(rec(typeGetValues, 0, query)).next()
	if onNethttp(c.t) {
		if end := c.next(); end != (record{typeGetValuesResult, 0, ""}) {
			c.t.Errorf("got %+v; want the end of the answer", end)
		}
	}
	return answer
}

// sorted orders the fields of a head by their names, and takes out the Date that net/http/fcgi
// adds.
func sorted(stdout string) string {
	head, body, _ := strings.Cut(stdout, "\r\n\r\n")
	fields := slices.DeleteFunc(strings.Split(head, "\r\n"), func(f string) bool { return strings.HasPrefix(f, "Date: ") })
	slices.Sort(fields[1:]) // Status is first
	return strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

// body cuts the head off a response.
func body(stdout string) string {
	_, body, _ := strings.Cut(stdout, "\r\n\r\n")
	return body
}
