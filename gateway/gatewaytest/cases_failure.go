package gatewaytest

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// failureCases check what the client sees when an App fails.
var failureCases = []Case{
	failing("error-before-the-head", "an error before the head is a 500 without details (RFC 3875 section 6.3.3; A4)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("X-Secret", "secret")
		w.Start("202 Accepted")
		io.WriteString(w, "secret")
		return errors.New("secret")
	}),
	failing("panic-before-the-head", "a panic before the head is a 500 without details, and fails only that request (A4)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		panic("secret")
	}),
	{
		Name: "panic-after-the-first-byte",
		Rule: "a response that breaks off does not look complete (F40, C42)",
		app:  brokenOff(func() error { panic("after the first byte") }),
		drive: func(p *probe) {
			p.breaksOff()
		},
	},
	{
		Name: "error-after-the-first-byte",
		Rule: "a response that breaks off does not look complete (F40, C42)",
		app:  brokenOff(func() error { return errors.New("after the first byte") }),
		drive: func(p *probe) {
			p.breaksOff()
		},
	},
	{
		Name: "short-body",
		Rule: "a body shorter than its Content-Length does not look complete (C40, F46)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Length", "10")
			if _, err := io.WriteString(w, "01234"); err != nil {
				return err
			}
			if r.Environ.Get("QUERY_STRING") == "whole" {
				_, err := io.WriteString(w, "56789")
				return err
			}
			return w.Flush()
		},
		drive: func(p *probe) {
			p.want("body", string(p.get("/?whole", 200).body), "0123456789")
			if seen, body := p.fails(request{}); !seen {
				p.errorf("got body %q and no error; want the break to be seen", body)
			}
		},
	},
	{
		Name: "aborted",
		Rule: "a response that the App aborts does not look complete, even without a body (gateway.ErrAbort; C43)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("QUERY_STRING") == "whole" {
				return text(w, "whole")
			}
			return gateway.ErrAbort
		},
		drive: func(p *probe) {
			p.want("body", string(p.get("/?whole", 200).body), "whole")
			if seen, body := p.fails(request{}); !seen {
				p.errorf("got body %q and no error; want the break to be seen", body)
			}
		},
	},
	{
		Name: "error-with-unread-body",
		Rule: "an error page arrives although the App has not read the request's body (C45, F23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			return errors.New("before the body was read")
		},
		drive: func(p *probe) {
			p.doWhole(request{method: "POST", body: bytes.NewReader(pattern(1_000_000))}, 500)
		},
	},
	{
		Name: "error-stream",
		Rule: "much output on the error stream, before, during and after the body, blocks nothing and does not mix with the body (C44, F24, F25)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			complain(r)
			w.Headers().Set("Content-Type", "text/plain")
			io.WriteString(w, "first ")
			if err := w.Flush(); err != nil {
				return err
			}
			complain(r)
			_, err := io.WriteString(w, "second")
			complain(r)
			return err
		},
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "first second")
		},
	},
	{
		Name: "alive-after-failures",
		Rule: "a failed request does not affect other requests (A4)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			switch r.Environ.Get("QUERY_STRING") {
			case "error":
				return errors.New("asked for")
			case "panic":
				panic("asked for")
			}
			return text(w, "alive")
		},
		drive: func(p *probe) {
			p.get("/?error", 500)
			p.get("/?panic", 500)
			p.want("body", string(p.get("/", 200).body), "alive")
		},
	},
}

// complain writes 32 KiB, half the capacity of a pipe, to the error stream.
func complain(r *gateway.Request) {
	for range 32 {
		io.WriteString(r.Stderr, strings.Repeat("complaint ", 102)+"\n")
	}
}

func failing(name, rule string, app gateway.AppFunc) Case {
	return Case{Name: name, Rule: rule, app: app, drive: func(p *probe) {
		r := p.doWhole(request{}, 500)
		p.want("X-Secret", r.header.Get("X-Secret"), "")
		if body := string(r.body); body == "" || strings.Contains(body, "secret") {
			p.errorf("got body %s; want a page without details", short(body))
		}
	}}
}

// brokenOff is an App that sends a byte, waits until the client has read it, and fails. If the
// query asks for the whole response, the App completes it.
func brokenOff(fail func() error) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		if _, err := io.WriteString(w, "a"); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := waitAtGate(r); err != nil {
			return err
		}
		if r.Environ.Get("QUERY_STRING") != "whole" {
			return fail()
		}
		_, err := io.WriteString(w, "b")
		return err
	}
}

// breaksOff requests the same response complete and broken. It reads the first byte before it lets
// the App continue.
func (p *probe) breaksOff() {
	if body, err := p.pastFirstByte("/?whole"); body != "ab" || err != nil {
		p.fatalf("whole: got %q, %v; want \"ab\"", body, err)
	}
	if body, err := p.pastFirstByte("/"); !isBreak(err) {
		p.errorf("broken: got %q, %v; want the break to be seen", body, err)
	}
}

func (p *probe) pastFirstByte(path string) (string, error) {
	g := p.newGate()
	defer g.close()
	resp, cancel := p.start(request{head: p.prompt, path: path, fields: []string{gateField, g.field()}})
	defer cancel()
	defer resp.Body.Close()
	first, err := readExactly(resp, 1)
	if err != nil {
		p.fatalf("%s: the first byte did not arrive while the App waited: %v", path, err)
	}
	if err := g.release(); err != nil {
		p.fatalf("%s: the App did not come to its gate: %v", path, err)
	}
	rest, err := io.ReadAll(resp.Body)
	return first + string(rest), err
}
