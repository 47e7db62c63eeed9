package check

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

// serveSCGI serves one connection of a server that keeps all rules but one.
func (s *toy) serveSCGI(c net.Conn) {
	r := bufio.NewReader(c)
	text, ok := s.readNetstring(c, r)
	if !ok {
		return
	}
	vars, ok := s.decodeBlock(text)
	if !ok {
		return
	}
	s.answerSCGI(c, r, vars)
}

// readNetstring reads the netstring of a request.
func (s *toy) readNetstring(c net.Conn, r *bufio.Reader) (string, bool) {
	digits := ""
	for {
		b, err := r.ReadByte()
		switch {
		case err != nil:
			return "", false
		case b == 'G':
			s.die("S1.5")
			return "", false
		case b == 0xff:
			s.die("S1.4")
			return "", false
		case len(digits) > 20:
			s.die("S1.7")
			return "", false
		}
		if s.fault == "S9.1" && digits == "" && r.Buffered() == 0 {
			return "", false
		}
		if b == ':' {
			break
		}
		digits += string(b)
	}
	zero, sign := digits[0] == '0', digits[0] == '+'
	n, err := strconv.Atoi(digits)
	if err != nil || zero && s.fault != "S1.1" || sign && s.fault != "S1.2" {
		return "", false
	}
	if n > 1<<20 {
		s.die("S1.6")
		return "", false
	}
	b := make([]byte, n+1)
	if got, err := r.Peek(min(n-1, r.Size())); err == nil && strings.HasSuffix(string(got), stalled) && s.fault != "S12.1" {
		return "", false
	}
	if _, err := io.ReadFull(r, b); err != nil {
		s.die("S1.8")
		return "", false
	}
	return string(b[:n]), b[n] == ',' || s.fault == "S1.3"
}

// decodeBlock decodes the variables of a request.
func (s *toy) decodeBlock(text string) (map[string]string, bool) {
	if !strings.HasSuffix(text, "\x00") {
		if s.fault != "S2.2" {
			return nil, false
		}
		text += "\x00"
	}
	parts := strings.Split(strings.TrimSuffix(text, "\x00"), "\x00")
	if len(parts)%2 != 0 {
		if s.fault != "S2.1" {
			return nil, false
		}
		parts = append(parts, "")
	}
	vars := map[string]string{}
	for pair := range slices.Chunk(parts, 2) {
		_, twice := vars[pair[0]]
		if twice && s.fault != "S3.1" || pair[0] == "" && s.fault != "S2.3" {
			return nil, false
		}
		vars[pair[0]] = pair[1]
	}
	first := parts[0] == "CONTENT_LENGTH"
	_, there := vars["CONTENT_LENGTH"]
	version, versioned := vars["SCGI"]
	accepted := (first || s.fault == "S4.1" && there || s.fault == "S4.2" && !there) &&
		(version == "1" || s.fault == "S5.1" && !versioned || s.fault == "S5.2" && version == "2") &&
		!(s.fault == "S13.1" && strings.Contains(text, "\xff")) && !(s.fault == "S15.1" && vars["REMOTE_ADDR"] == "")
	return vars, accepted
}

// answerSCGI reads the body and answers.
func (s *toy) answerSCGI(c net.Conn, r *bufio.Reader, vars map[string]string) {
	length := vars["CONTENT_LENGTH"]
	n, err := strconv.ParseUint(length, 10, 63)
	if err != nil || length == "" || length[0] == '+' {
		lenient := map[string]string{"S4.3": "+0", "S4.4": "", "S4.5": "-1", "A9.1": "+0", "A9.2": "0x0", "A9.3": strings.Repeat("9", 30)}
		if value, ok := lenient[s.fault]; s.fault != "S4.2" && (!ok || value != length) {
			s.die("S6.5")
			return
		}
		n = 0
	}
	if s.fault == "S6.4" && n > 1000 || s.fault == "S9.2" && n > 0 && r.Buffered() == 0 {
		return
	}
	if n == 1000 && s.fault == "S6.3" {
		s.die("S6.3")
		return
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		switch s.fault {
		case "S6.1":
			<-s.stopped
		case "S6.6":
			c.Write(toyResponse(s.fault, vars, body))
		}
		return
	}
	if s.fault == "S6.2" && r.Buffered() > 0 {
		return
	}
	if s.fault == "A2.1" && n > 0 {
		hang(c)
		return
	}
	vars["CONTENT_LENGTH"] = fmt.Sprint(n)
	c.Write(toyResponse(s.fault, vars, body))
	if s.fault == "S12.2" && r.Buffered() > 1000 {
		c.(*net.TCPConn).SetLinger(0) // a reset, as the kernel sends it if bytes are unread
		return
	}
	if later := s.later(); later && s.fault == "S7.1" {
		hang(c)
	}
	if half, ok := c.(*net.TCPConn); ok { // what was sent too much must not reset the response
		half.CloseWrite()
		hang(c)
	}
}
