package captures

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The application behind the servers answers with the variables as they are on the wire. It does
// not use the module's own servers, because they apply rules to an environ before an App sees it,
// and the captures must show the variables without these rules.

// backend runs the application on a TCP port until the test ends.
func backend(t *testing.T, answer func(net.Conn) error) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		accept(l, answer)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr()
}

func accept(l net.Listener, answer func(net.Conn) error) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			if err := answer(conn); err != nil {
				fmt.Fprintln(os.Stderr, "backend:", err)
			}
		})
	}
}

const head = "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"

// answerCGI leaves out variables that the test itself has set. It reads the body first, because
// Apache's mod_cgid reports a program that ends before that as failed.
func answerCGI(w io.Writer, body io.Reader, environ []string) {
	io.Copy(io.Discard, body)
	var b strings.Builder
	for _, v := range environ {
		if !ours(v) {
			fmt.Fprintln(&b, v)
		}
	}
	io.WriteString(w, head+b.String()) // if this fails, the client gets no answer
}

func ours(v string) bool {
	for {
		// Apache's SetEnv applies to the request before a redirect too
		rest, redirected := strings.CutPrefix(v, "REDIRECT_")
		if !redirected {
			return strings.HasPrefix(v, serveAs+"=") || strings.HasPrefix(v, "GORACE=")
		}
		v = rest
	}
}

// answerSCGI answers one request (SCGI section 3).
func answerSCGI(conn net.Conn) error {
	in := bufio.NewReader(conn)
	length, err := in.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return err
	}
	block := make([]byte, n+1) // and the comma
	if _, err := io.ReadFull(in, block); err != nil {
		return err
	}
	fields := strings.Split(string(block[:n]), "\x00")
	var b strings.Builder
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&b, "%s=%s\n", fields[i], fields[i+1])
	}
	if err := discardBody(in, fields); err != nil {
		return err
	}
	_, err = io.WriteString(conn, head+b.String())
	return err
}

// discardBody reads the body, since a connection that is closed with unread bytes is reset.
func discardBody(in io.Reader, fields []string) error {
	// CONTENT_LENGTH is the first variable (SCGI section 3)
	n, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, in, n)
	return err
}

// Record types of FastCGI section 8.
const (
	endRequest = 3
	params     = 4
	stdin      = 5
	stdout     = 6
	getValues  = 9
)

// noValues is a GET_VALUES_RESULT without a value. HAProxy sends GET_VALUES and waits for it.
const noValues = "\x01\x0a\x00\x00\x00\x00\x00\x00"

// answerFastCGI answers one request and closes the connection, which nginx waits for.
func answerFastCGI(conn net.Conn) error {
	var block []byte
	for {
		kind, content, err := readRecord(conn)
		switch {
		case err != nil:
			return err
		case kind == getValues:
			if _, err := io.WriteString(conn, noValues); err != nil {
				return err
			}
		case kind == params:
			block = append(block, content...)
		case kind == stdin && len(content) == 0:
			out := appendRecord(nil, stdout, []byte(head+decodePairs(block)))
			out = appendRecord(out, stdout, nil)
			_, err := conn.Write(appendRecord(out, endRequest, make([]byte, 8)))
			return err
		}
	}
}

func readRecord(r io.Reader) (kind byte, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	content = make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
	_, err = io.ReadFull(r, content)
	return head[1], content[:len(content)-int(head[6])], err
}

func appendRecord(b []byte, kind byte, content []byte) []byte {
	b = append(b, 1, kind, 0, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(append(b, 0, 0), content...)
}

// decodePairs writes the pairs of FastCGI section 3.4 as lines.
func decodePairs(block []byte) string {
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
	var b strings.Builder
	for len(block) > 0 {
		name, value := length(), length()
		fmt.Fprintf(&b, "%s=%s\n", block[:name], block[name:name+value])
		block = block[name+value:]
	}
	return b.String()
}
