package gatewaytest

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// static returns an App that sends a status, fields and a body.
func static(status, body string, fields ...string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		for i := 0; i < len(fields); i += 2 {
			if err := w.Headers().Add(fields[i], fields[i+1]); err != nil {
				return err
			}
		}
		if err := w.Start(status); err != nil {
			return err
		}
		_, err := io.WriteString(w, body)
		return err
	}
}

// responseCases check what the client gets.
var responseCases = []Case{
	{
		Name: "status",
		Rule: "the client gets the App's status code and body (RFC 3875 section 6.3.3; C32)",
		app:  static("404 Not Found", "no such thing", "Content-Type", "text/plain"),
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 404).body), "no such thing")
		},
	},
	{
		Name: "status-line",
		Rule: "the client gets the App's reason phrase of a 200 (RFC 3875 section 6.3.3)",
		app:  static("200 OK", "hello"),
		drive: func(p *probe) {
			p.want("status", p.get("/", 200).status, "200 OK")
		},
	},
	{
		Name: "second-start",
		Rule: "status and fields may change until the head is committed (PEP 3333, start_response)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("X-Foo", "first")
			w.Start("404 Not Found")
			io.WriteString(w, "hello, ")
			w.Headers().Set("X-Foo", "second")
			w.Start("201 Created")
			_, err := io.WriteString(w, "world")
			return err
		},
		drive: func(p *probe) {
			r := p.get("/", 201)
			p.want("X-Foo", strings.Join(r.header.Values("X-Foo"), ", "), "second")
			p.want("body", string(r.body), "hello, world")
		},
	},
	{
		Name: "interim-status",
		Rule: "CGI cannot carry a 1xx status: the client gets the final response (RFC 3875 section 6.3.3; A13)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			if err := w.Start("103 Early Hints"); err != nil {
				return err
			}
			return text(w, "final")
		},
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "final")
		},
	},
	{
		Name: "silent-app",
		Rule: "a response is never empty: an App that does nothing answers 200 with no body (RFC 3875 section 6.2; A4)",
		app:  func(gateway.ResponseWriter, *gateway.Request) error { return nil },
		drive: func(p *probe) {
			r := p.get("/", 200)
			p.want("body", string(r.body), "")
		},
	},
	{
		Name: "head",
		Rule: "HEAD has no body, and the fields of a GET (RFC 3875 section 4.3.2; A3, C24)",
		app:  static("200 OK", "hello", "Content-Type", "text/plain", "X-Foo", "bar"),
		drive: func(p *probe) {
			r := p.doWhole(request{method: "HEAD"}, 200)
			p.want("body", string(r.body), "")
			p.want("X-Foo", r.header.Get("X-Foo"), "bar")
			p.want("body of a GET", string(p.get("/", 200).body), "hello")
			_, rest := p.raw("HEAD")
			p.want("bytes after the head", rest, "")
		},
	},
	{
		Name: "head-length",
		Rule: "the Content-Length of a HEAD is that of a GET (RFC 9110 section 8.6)",
		app:  static("200 OK", "", "Content-Length", "12345"),
		drive: func(p *probe) {
			r := p.doWhole(request{method: "HEAD"}, 200)
			p.want("Content-Length", r.header.Get("Content-Length"), "12345")
		},
	},
	bodyless("204", "204 No Content", "RFC 9110 section 15.3.5; A14"),
	{
		Name: "205",
		Rule: "205 has no body and no Content-Type (RFC 9110 section 15.3.6; A14)",
		app:  static("205 Reset Content", "not to be seen", "Content-Type", "text/plain", "ETag", `"x"`),
		drive: func(p *probe) {
			r := p.doWhole(request{}, 205)
			p.want("body", string(r.body), "")
			p.want("ETag", r.header.Get("ETag"), `"x"`)
			p.want("Content-Type", r.header.Get("Content-Type"), "")
			_, rest := p.raw("GET")
			// an empty chunked body has only the last chunk
			p.want("bytes after the head", strings.TrimPrefix(rest, "0\r\n\r\n"), "")
		},
	},
	bodyless("304", "304 Not Modified", "RFC 9110 section 15.4.5; A14"),
	{
		Name: "redirect",
		Rule: "a redirect with a status reaches the client unchanged (RFC 3875 section 6.2.4; C35)",
		app:  static("302 Found", "over there", "Location", "http://example.org/x?y=%2c", "Content-Type", "text/plain"),
		drive: func(p *probe) {
			r := p.get("/", 302)
			p.want("Location", r.header.Get("Location"), "http://example.org/x?y=%2c")
			p.want("body", string(r.body), "over there")
		},
	},
	{
		Name: "redirect-to-a-path",
		Rule: "a redirect with a status reaches the client, also to a path (RFC 3875 section 6.2.4; C35)",
		app:  static("303 See Other", "", "Location", "/x?y=%2c"),
		drive: func(p *probe) {
			location := p.get("/", 303).header.Get("Location")
			// Apache and lighttpd may make it absolute
			if !strings.HasSuffix(location, "/x?y=%2c") {
				p.errorf("got Location %q; want /x?y=%%2c", location)
			}
		},
	},
	{
		Name: "repeated-response-fields",
		Rule: "response fields of one name all arrive (RFC 9110 section 5.3)",
		app:  static("200 OK", "", "X-Foo", "bar", "X-Foo", "baz", "Set-Cookie", "a=1; Path=/", "Set-Cookie", "b=2"),
		drive: func(p *probe) {
			r := p.get("/", 200)
			p.want("X-Foo", strings.Join(r.header.Values("X-Foo"), ", "), "bar, baz")
			p.want("Set-Cookie", strings.Join(r.header.Values("Set-Cookie"), "|"), "a=1; Path=/|b=2")
		},
	},
	{
		Name: "head-of-60-kilobytes",
		Rule: "a large response head arrives complete, with fields under 7 KB (C47)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			for i := range 10 {
				w.Headers().Set(fmt.Sprintf("X-Large-%d", i), strings.Repeat(string(rune('a'+i)), 6000))
			}
			return text(w, "hello")
		},
		drive: func(p *probe) {
			r := p.get("/", 200)
			for i := range 10 {
				name := fmt.Sprintf("X-Large-%d", i)
				p.want(name, r.header.Get(name), strings.Repeat(string(rune('a'+i)), 6000))
			}
			p.want("body", string(r.body), "hello")
		},
	},
	{
		Name: "body-like-a-head",
		Rule: "a body that looks like a head is not parsed (RFC 3875 section 6.2)",
		app:  static("200 OK", "Foo: Bar\r\n\r\nStatus: 500 No\r\n\r\nhello\r\n", "Content-Type", "text/plain"),
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "Foo: Bar\r\n\r\nStatus: 500 No\r\n\r\nhello\r\n")
		},
	},
	{
		Name: "newlines",
		Rule: "line ends in the body are not changed",
		app:  static("200 OK", "Bar\nBaz\n\n\r\n", "Content-Type", "text/plain"),
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "Bar\nBaz\n\n\r\n")
		},
	},
	{
		Name: "declared-length",
		Rule: "an App's Content-Length is kept (C40)",
		app:  static("200 OK", "0123456789", "Content-Length", "10"),
		drive: func(p *probe) {
			r := p.get("/", 200)
			p.want("body", string(r.body), "0123456789")
		},
	},
	{
		Name: "long-body",
		Rule: "a body never exceeds its Content-Length (RFC 9110 section 8.6; F46)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Length", "5")
			n, err := io.WriteString(w, "0123456789")
			if n != 5 || !errors.Is(err, gateway.ErrContentLength) {
				return fmt.Errorf("wrote %d bytes of 10, %v", n, err)
			}
			return nil
		},
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "01234")
		},
	},
	{
		Name: "no-content-type",
		Rule: "no Content-Type is invented by looking at the body (RFC 3875 section 6.3.1; C31)",
		app:  static("200 OK", "<html><script>alert(1)</script>"),
		drive: func(p *probe) {
			if got := p.get("/", 200).header.Get("Content-Type"); strings.Contains(got, "html") {
				p.errorf("got Content-Type %q; want none", got)
			}
		},
	},
}

// bodyless checks a status that allows neither a body nor fields that describe one.
func bodyless(name, status, section string) Case {
	return Case{
		Name: name,
		Rule: status + " has no body, no Content-Type and no Content-Length (" + section + ")",
		app:  static(status, "not to be seen", "Content-Type", "text/plain", "ETag", `"x"`),
		drive: func(p *probe) {
			r := p.do(request{})
			p.want("status", r.status[:3], status[:3])
			p.want("body", string(r.body), "")
			p.want("ETag", r.header.Get("ETag"), `"x"`)
			_, rest := p.raw("GET")
			p.want("bytes after the head", rest, "")
			for _, name := range []string{"Content-Type", "Content-Length", "Transfer-Encoding"} {
				p.want(name, r.header.Get(name), "")
			}
		},
	}
}
