package gatewaytest

import (
	"errors"
	"io"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// failureCases: what the client must see when an App fails.
var failureCases = []Case{
	failing("error-before-the-head", "an error before the head is a 500 without details (RFC 3875 section 6.3.3; A4)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.WriteString(w, "secret")
		return errors.New("secret")
	}),
	failing("panic-before-the-head", "a panic before the head is a 500 without details, and costs one request (A4)", func(w gateway.ResponseWriter, r *gateway.Request) error {
		panic("secret")
	}),
	{
		Name: "panic-after-the-first-byte",
		Rule: "a response that broke off does not pass for a whole one (F40, C42)",
		app:  brokenOff(func() error { panic("after the first byte") }),
		drive: func(p *probe) {
			p.breaksOff()
		},
	},
	{
		Name: "error-after-the-first-byte",
		Rule: "a response that broke off does not pass for a whole one (F40, C42)",
		app:  brokenOff(func() error { return errors.New("after the first byte") }),
		drive: func(p *probe) {
			p.breaksOff()
		},
	},
	{
		Name: "short-body",
		Rule: "a body short of its Content-Length does not pass for a whole one (C40, F46)",
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
		Name: "alive-after-failures",
		Rule: "a failed request costs nobody else anything (A4)",
		app:  answer("200 OK", "alive"),
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "alive")
		},
	},
}

func failing(name, rule string, app gateway.AppFunc) Case {
	return Case{Name: name, Rule: rule, app: app, drive: func(p *probe) {
		r := p.whole(request{}, 500)
		if body := string(r.body); body == "" || strings.Contains(body, "secret") {
			p.errorf("got body %s; want a page without details", short(body))
		}
	}}
}

// brokenOff is an App that sends a byte, waits until the client has it, and fails; asked for the whole response it goes on.
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

// breaksOff gets the same response whole and broken, each time reading its first byte before the App goes on.
func (p *probe) breaksOff() {
	if body, err := p.pastFirstByte("/?whole"); body != "ab" || err != nil {
		p.fatalf("whole: got %q, %v; want \"ab\"", body, err)
	}
	if body, err := p.pastFirstByte("/"); err == nil {
		p.errorf("broken: got %q and no error; want the break to be seen", body)
	}
}

func (p *probe) pastFirstByte(path string) (string, error) {
	g := p.newGate()
	defer g.close()
	resp, cancel := p.open(request{path: path, fields: []string{gateField, g.field()}})
	defer cancel()
	defer resp.Body.Close()
	first, err := readExactly(resp, 1)
	if err != nil {
		p.fatalf("%s: the first byte did not arrive while the App waited: %v", path, err)
	}
	if err := g.open(); err != nil {
		p.fatalf("%s: the App did not come to its gate: %v", path, err)
	}
	rest, err := io.ReadAll(resp.Body)
	return first + string(rest), err
}
