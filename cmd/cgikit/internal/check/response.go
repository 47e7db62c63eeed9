package check

import (
	"bytes"
	"strconv"
	"strings"
)

// response is what an application wrote: a head and a body.
type response struct {
	raw    []byte
	fields []Variable
	body   []byte
}

// status is the number of the Status field, or of a status line: 302 for a Location, else 200. It
// is 0 if the number is none.
func (r *response) status() int {
	text, ok := r.field("Status")
	if line, isHTTP := r.httpLine(); isHTTP {
		_, text, _ = strings.Cut(line, " ")
		ok = true
	}
	if !ok {
		if _, moved := r.field("Location"); moved {
			return 302
		}
		return 200
	}
	number, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 100 || n > 999 {
		return 0
	}
	return n
}

// httpLine is the first line of a response that begins as HTTP does.
func (r *response) httpLine() (string, bool) {
	line, _, _ := bytes.Cut(r.raw, []byte("\n"))
	return strings.TrimRight(string(line), "\r"), bytes.HasPrefix(line, []byte("HTTP/"))
}

// field returns the first value of a field.
func (r *response) field(name string) (string, bool) {
	for _, f := range r.fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}

// parseResponse splits the output of an application into head and body.
func parseResponse(raw []byte) (*response, error) {
	r := &response{raw: raw, body: raw}
	if len(raw) == 0 {
		return r, broken("the response is empty")
	}
	_, first := r.httpLine()
	for {
		line, rest, found := bytes.Cut(r.body, []byte("\n"))
		if !found {
			return r, broken("the response has no end of its head: it begins with %.60q", raw)
		}
		r.body = rest
		text := strings.TrimSuffix(string(line), "\r")
		if text == "" {
			return r, nil
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok && !first {
			return r, broken("the head has a line without a colon: %.60q", text)
		}
		if !first {
			r.fields = append(r.fields, Variable{name, strings.TrimSpace(value)})
		}
		first = false
	}
}

// fetch sends a request over the protocol of the target, on a connection of its own.
func (p *probe) fetch(q request) (*response, error) {
	switch p.run.Target.Protocol {
	case "fastcgi":
		a, err := p.fetchFastCGI(q)
		if err != nil {
			return nil, err
		}
		return parseResponse(a.stdout)
	case "scgi":
		raw, err := p.fetchSCGI(q)
		if err != nil {
			return nil, err
		}
		return parseResponse(raw)
	}
	fetch := p.fetchCGI
	if p.run.Target.Protocol == "http" {
		fetch = p.fetchPlainHTTP
	}
	raw, err := fetch(q)
	if err != nil {
		return nil, err
	}
	return parseResponse(raw)
}

// status is the status of the answer to a request.
func (p *probe) status(q request) (int, error) {
	r, err := p.fetch(q)
	if err != nil {
		return 0, err
	}
	if n := r.status(); n != 0 {
		return n, nil
	}
	return 0, broken("the status is no number: the response begins with %.60q", r.raw)
}

// wantPlain checks that a response has the status of that to the plain request.
func (p *probe) wantPlain(r *response, err error) error {
	if err != nil {
		return err
	}
	if got := r.status(); got != p.run.plain {
		return broken("got status %d, and the plain request gets %d", got, p.run.plain)
	}
	return nil
}
