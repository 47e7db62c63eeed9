package server

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// helloCGI is the response of every floor, byte for byte that of this module's servers.
const helloCGI = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n" + work.Hello

// Types of records (FastCGI section 8). The floors share no code with package fastcgi.
const (
	beginRequest = 1
	endRequest   = 3
	params       = 4
	stdin        = 5
	stdout       = 6
)

func appendRecord(dst []byte, kind byte, id uint16, content string) []byte {
	padding := -len(content) & 7
	dst = append(dst, 1, kind, byte(id>>8), byte(id), byte(len(content)>>8), byte(len(content)), byte(padding), 0)
	dst = append(dst, content...)
	return append(dst, "\x00\x00\x00\x00\x00\x00\x00"[:padding]...)
}

func appendAnswer(dst []byte, id uint16, content string) []byte {
	dst = appendRecord(dst, stdout, id, content)
	dst = appendRecord(dst, stdout, id, "")
	return appendRecord(dst, endRequest, id, "\x00\x00\x00\x00\x00\x00\x00\x00")
}

// serveConstant is the least that a server in Go can do: it takes whatever it reads for a request,
// and its response is always the same.
func serveConstant(c net.Conn) error {
	answer := appendAnswer(nil, 1, helloCGI)
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			return err
		}
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}

// serveTrivial is the least that can be called an engine: it reads records, makes a map of the
// variables of each request, and writes the response at once.
func serveTrivial(c net.Conn) error {
	in := bufio.NewReader(c)
	var content, raw, out []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return err
		}
		length := int(binary.BigEndian.Uint16(head[4:]))
		content = append(content[:0], make([]byte, length+int(head[6]))...)
		if _, err := io.ReadFull(in, content); err != nil {
			return err
		}
		switch {
		case head[1] == beginRequest:
			raw = raw[:0]
		case head[1] == params:
			raw = append(raw, content[:length]...)
		case head[1] == stdin && length == 0:
			answer := trivialApp(trivialParams(string(raw)))
			out = appendAnswer(out[:0], binary.BigEndian.Uint16(head[2:]), answer)
			if _, err := c.Write(out); err != nil {
				return err
			}
		}
	}
}

func trivialApp(variables map[string]string) string {
	if variables["REQUEST_METHOD"] != "GET" {
		return "Status: 405 Method Not Allowed\r\n\r\n"
	}
	var b strings.Builder
	b.WriteString("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n")
	b.WriteString(work.Hello)
	return b.String()
}

// trivialParams decodes pairs. It checks no length.
func trivialParams(data string) map[string]string {
	variables := make(map[string]string)
	for data != "" {
		var name, value int
		name, data = trivialLength(data)
		value, data = trivialLength(data)
		variables[data[:name]] = data[name : name+value]
		data = data[name+value:]
	}
	return variables
}

func trivialLength(data string) (int, string) {
	if data[0] < 0x80 {
		return int(data[0]), data[1:]
	}
	return int(data[0]&0x7f)<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3]), data[4:]
}

// serveOnce is the least that answering a request on a connection of its own can cost.
func serveOnce(c net.Conn) error {
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		return err
	}
	_, err := io.WriteString(c, helloCGI)
	return err
}
