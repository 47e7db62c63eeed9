package responder

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
)

// SCGI answers one request (SCGI section 3).
func (a App) SCGI(conn net.Conn) error {
	in := bufio.NewReader(conn)
	length, err := in.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return err
	}
	block := make([]byte, n+len(","))
	if _, err := io.ReadFull(in, block); err != nil {
		return err
	}
	variables := splitBlock(string(block[:n]))
	if err := discardBody(in, variables); err != nil {
		return err
	}
	_, err = conn.Write(a(variables))
	return err
}

// splitBlock splits the pairs of a block, each of which ends with NUL.
func splitBlock(block string) (variables []Variable) {
	fields := strings.Split(block, "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		variables = append(variables, Variable{fields[i], fields[i+1]})
	}
	return variables
}

// discardBody reads the body, because a connection that is closed with unread bytes is reset.
func discardBody(in io.Reader, variables []Variable) error {
	n, err := strconv.ParseInt(Environ(variables)["CONTENT_LENGTH"], 10, 64)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, in, n)
	return err
}
