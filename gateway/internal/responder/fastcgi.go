package responder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// Record types (FastCGI section 8).
const (
	beginRequest = 1
	endRequest   = 3
	params       = 4
	stdin        = 5
	stdout       = 6
	getValues    = 9
)

// keepConn is the flag of BEGIN_REQUEST with which the web server keeps the connection.
const keepConn = 1

// noValues is a GET_VALUES_RESULT without a value. HAProxy sends GET_VALUES and waits for it.
const noValues = "\x01\x0a\x00\x00\x00\x00\x00\x00"

// FastCGI answers one request when its body has ended, and further ones while the web server keeps
// the connection (FastCGI section 5.1).
func (a App) FastCGI(conn net.Conn) error {
	in := bufio.NewReader(conn)
	for served := false; ; served = true {
		r, err := readRequest(in, conn)
		if err == io.EOF && served {
			return nil
		}
		if err != nil {
			return err
		}
		out := appendStream(nil, r.id, a(decodePairs(r.params)))
		if _, err := conn.Write(appendRecord(out, endRequest, r.id, make([]byte, 8))); err != nil || !r.keep {
			return err
		}
	}
}

// request is what the records of one request contain.
type request struct {
	id     uint16
	keep   bool
	params []byte
}

func readRequest(in io.Reader, out io.Writer) (r request, err error) {
	for {
		kind, id, content, err := readRecord(in)
		if err != nil {
			return r, err
		}
		switch {
		case kind == getValues:
			if _, err := io.WriteString(out, noValues); err != nil {
				return r, err
			}
		case kind == beginRequest && len(content) == 8:
			r = request{id: id, keep: content[2]&keepConn != 0}
		case kind == params:
			r.params = append(r.params, content...)
		case kind == stdin && len(content) == 0:
			return r, nil
		}
	}
}

func readRecord(r io.Reader) (kind byte, id uint16, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, nil, err
	}
	if head[0] != 1 {
		return 0, 0, nil, errors.New("not FastCGI version 1")
	}
	length, padding := int(binary.BigEndian.Uint16(head[4:])), int(head[6])
	content = make([]byte, length+padding)
	_, err = io.ReadFull(r, content)
	return head[1], binary.BigEndian.Uint16(head[2:]), content[:length], err
}

// appendStream appends content as a whole STDOUT stream.
func appendStream(b []byte, id uint16, content []byte) []byte {
	const most = 65535
	for len(content) > most {
		b = appendRecord(b, stdout, id, content[:most])
		content = content[most:]
	}
	if len(content) > 0 {
		b = appendRecord(b, stdout, id, content)
	}
	return appendRecord(b, stdout, id, nil)
}

func appendRecord(b []byte, kind byte, id uint16, content []byte) []byte {
	b = append(b, 1, kind)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(append(b, 0, 0), content...)
}

// decodePairs decodes the pairs of FastCGI section 3.4, which must be well-formed.
func decodePairs(block []byte) (variables []Variable) {
	length := func() int {
		n := int(block[0])
		if n < 128 {
			block = block[1:]
			return n
		}
		n = int(binary.BigEndian.Uint32(block) & 0x7fffffff)
		block = block[4:]
		return n
	}
	for len(block) > 0 {
		name, value := length(), length()
		variables = append(variables, Variable{string(block[:name]), string(block[name : name+value])})
		block = block[name+value:]
	}
	return variables
}
