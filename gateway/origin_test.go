package gateway

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

// originHead is a point of the matrix that wsgiref's own tests go through (wsgiref.md 1.6, "header
// formats").
type originHead struct {
	origin   bool
	version  string // HTTPVersion
	protocol string // SERVER_PROTOCOL
	software string // ServerSoftware
	length   bool   // the App's body is whole when the head is committed
}

func originMatrix() []originHead {
	var all []originHead
	for _, origin := range []bool{false, true} {
		for _, version := range []string{"", "1.0", "1.1"} {
			for _, protocol := range []string{"", "INCLUDED", "HTTP/0.9", "http/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0"} {
				for _, software := range []string{"", "x/1"} {
					all = append(all, originHead{origin, version, protocol, software, false}, originHead{origin, version, protocol, software, true})
				}
			}
		}
	}
	return all
}

// want returns the expected response as a regular expression, an independent form of the rules.
func (c originHead) want() string {
	length, body := "", "x"
	if c.length {
		length = "Content-Length: 1\r\n"
	}
	switch {
	case !c.origin:
		return "Status: 200 OK\r\n" + length + "\r\n" + body
	case c.protocol == "HTTP/0.9" || c.protocol == "http/0.9": // this client accepts no head
		return body
	}
	version, server := c.version, ""
	if version == "" {
		version = "1.1"
	}
	if c.software != "" {
		server = "Server: " + regexp.QuoteMeta(c.software) + "\r\n"
	}
	if !c.length && version == "1.1" && c.protocol == "HTTP/1.1" {
		length, body = "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"
	}
	date := "Date: ([A-Z][a-z]{2}, [0-3][0-9] [A-Z][a-z]{2} 20[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT)\r\n"
	return "HTTP/" + regexp.QuoteMeta(version) + " 200 OK\r\n" + date + server + length + "Connection: close\r\n\r\n" + body
}

func TestOriginMatrix(t *testing.T) {
	for _, c := range originMatrix() {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			e := environ("REQUEST_METHOD", "GET")
			if c.protocol != "" {
				e.Set("SERVER_PROTOCOL", c.protocol)
			}
			h := &BaseCGIHandler{Environ: e, OriginServer: c.origin, HTTPVersion: c.version, ServerSoftware: c.software}
			app := write("x")
			if !c.length {
				app = then(flush, app)
			}
			got := runHandler(h, app)
			m := regexp.MustCompile("^" + c.want() + "$").FindStringSubmatch(got.out)
			if m == nil || got.err != nil {
				t.Fatalf("got %q, %v; want %q", got.out, got.err, c.want())
			}
			if len(m) < 2 {
				return
			}
			if date, err := time.Parse(time.RFC1123, m[1]); err != nil || time.Since(date).Abs() > time.Hour {
				t.Errorf("got Date %q, %v; want that of now", m[1], err)
			}
		})
	}
}

// HTTP/0.9 cannot report a failure: a response is only a body.
func TestOriginErrorPage(t *testing.T) {
	failing := func(ResponseWriter, *Request) error { return fmt.Errorf("no") }
	for protocol, want := range map[string]string{
		"HTTP/0.9": "^The server met an internal error [^:]*$",
		"HTTP/1.0": "^HTTP/1.1 500 Internal Server Error\r\nDate: .*\r\nContent-Type: text/plain; charset=utf-8\r\n",
	} {
		got := runHandler(&BaseCGIHandler{Environ: environ("SERVER_PROTOCOL", protocol), OriginServer: true}, failing)
		if !regexp.MustCompile(want).MatchString(got.out) || got.err != nil {
			t.Errorf("%s: got %q, %v; want %s", protocol, got.out, got.err, want)
		}
	}
}
