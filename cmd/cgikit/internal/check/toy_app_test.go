package check

import (
	"fmt"
	"strconv"
)

// toyResponse is the response of an application that keeps all rules but one.
func toyResponse(fault string, vars map[string]string, body []byte) []byte {
	method := vars["REQUEST_METHOD"]
	page := func(status string) []byte {
		return fmt.Appendf(nil, "Status: %s\r\nContent-Type: text/plain\r\n\r\n%s", status, map[bool]string{true: "", false: status}[method == "HEAD"])
	}
	if method != "GET" && method != "HEAD" && method != "POST" && fault != "A1.1" {
		return page("405 Method Not Allowed")
	}
	if length, ok := vars["CONTENT_LENGTH"]; ok && length != "" {
		_, err := strconv.ParseUint(length, 10, 63)
		lenient := map[string]string{"A9.1": "+0", "A9.2": "0x0", "A9.3": "999999999999999999999999999999"}[fault]
		if (err != nil || length[0] == '+') && length != lenient {
			return page("400 Bad Request")
		}
	}
	if page, ok := toyPage(fault, vars, body); ok {
		return page
	}
	_, uri := vars["REQUEST_URI"]
	protocol, sent := vars["SERVER_PROTOCOL"]
	switch {
	case fault == "A11.1" && !uri, fault == "A12.1" && !sent, fault == "A12.2" && protocol == "INCLUDED":
		return page("500 Internal Server Error")
	case fault == "A3.1" && method == "HEAD":
		return append(page("200 OK"), "body"...)
	case fault == "A4.1":
		return []byte("X-Field: 1\r\n\r\nok")
	case fault == "A5.1":
		return append([]byte("Connection: close\r\n"), page("200 OK")...)
	case fault == "A5.2":
		return append([]byte("HTTP/1.1 200 OK\r\n"), "Content-Type: text/plain\r\n\r\nok"...)
	case fault == "A13.1":
		return append([]byte("X-Control: a\x01b\r\n"), page("200 OK")...)
	}
	return page("200 OK")
}
