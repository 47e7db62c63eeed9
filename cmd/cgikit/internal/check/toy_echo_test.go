package check

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// toyPage is a page of an application like that of Echo, which keeps all rules but one. It reports
// false for any other page.
func toyPage(fault string, vars map[string]string, body []byte) ([]byte, bool) {
	ok := "Content-Type: text/plain\r\n\r\n"
	n, _ := strconv.Atoi(vars["QUERY_STRING"])
	switch vars["PATH_INFO"] {
	case "/vars":
		return append([]byte(ok), toyVars(fault, vars)...), true
	case "/body":
		short := vars["CONTENT_LENGTH"] != fmt.Sprint(len(body))
		if short && fault != "F26.4" && fault != "S6.6" {
			return []byte("Status: 400 Bad Request\r\n" + ok), true
		}
		if fault == "A2.2" {
			body = bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
		}
		return append([]byte(ok), body...), true
	case "/large":
		if vars["REQUEST_METHOD"] == "HEAD" && fault != "A3.2" {
			n = 0
		}
		if fault == "A4.3" {
			n = min(n, 65535)
		}
		return append([]byte(ok), bytes.Repeat([]byte("x"), n)...), true
	case "/log":
		return []byte(ok + "log"), true
	case "/early":
		return []byte(ok + "early"), true
	case "/panic":
		status := map[bool]string{true: "200 OK", false: "500 Internal Server Error"}[fault == "A4.2"]
		return []byte("Status: " + status + "\r\n" + ok), true
	}
	return nil, false
}

func toyVars(fault string, vars map[string]string) (b []byte) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		value := vars[name]
		switch {
		case fault == "F6.4":
			value = strings.ReplaceAll(value, " ", "")
		case fault == "F8.3":
			value = value[:min(len(value), 65534)]
		case fault == "A11.2":
			value = strings.ToValidUTF8(value, "?")
		}
		b = fmt.Appendf(b, "%s=%s\n", percent(name), percent(value))
	}
	return b
}

// wait keeps a request open for the page /wait, and reports whether it does.
func (c *toyConn) wait(id uint16, q *toyRequest, vars map[string]string) bool {
	if vars["PATH_INFO"] != "/wait" {
		return false
	}
	if c.fault == "F32.2" {
		c.Conn.Close()
	}
	c.requests[id] = q
	q.waits = true
	return true
}

// answerEarly answers the page /early before the body has ended, and reports whether it does.
func (c *toyConn) answerEarly(id uint16, q *toyRequest, vars map[string]string) bool {
	if vars["PATH_INFO"] != "/early" || c.fault == "F23.3" {
		return false
	}
	page, _ := toyPage(c.fault, vars, nil)
	delete(c.requests, id)
	c.answer(id, page)
	return true
}

// log writes the error stream of the page /log.
func (c *toyConn) log(id uint16, vars map[string]string) {
	n, _ := strconv.Atoi(vars["QUERY_STRING"])
	if vars["PATH_INFO"] != "/log" || c.fault == "F25.1" {
		return
	}
	c.Write(wire.AppendRecord(nil, wire.TypeStderr, id, make([]byte, 2*n-len("log"))))
}
