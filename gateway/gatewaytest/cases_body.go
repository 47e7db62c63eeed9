package gatewaytest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// bodyCases: what the App reads.
var bodyCases = []Case{
	{
		Name: "post-form",
		Rule: "the body arrives with CONTENT_LENGTH and CONTENT_TYPE (RFC 3875 sections 4.1.2, 4.1.3 and 4.2; C12, C14, C23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			body, err := io.ReadAll(r.Stdin)
			if err != nil {
				return err
			}
			return text(w, "%s %s %s", r.Environ.Get("CONTENT_LENGTH"), r.Environ.Get("CONTENT_TYPE"), body)
		},
		drive: func(p *probe) {
			r := p.whole(request{method: "POST", body: strings.NewReader("name=tatsuhiko"),
				fields: []string{"Content-Type", "application/x-www-form-urlencoded"}}, 200)
			p.want("body", string(r.body), "14 application/x-www-form-urlencoded name=tatsuhiko")
		},
	},
	digested("post-96000", 96_000, "a body of several records or segments is whole (FastCGI section 3.3; F6)"),
	digested("post-10-megabytes", 10_000_000, "a large body is whole (C23)"),
	digested("post-empty", 0, "an empty body ends at once (C23)"),
	{
		Name: "echo-10-megabytes",
		Rule: "large bodies go both ways (C23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			body, err := io.ReadAll(r.Stdin)
			if err != nil {
				return err
			}
			w.Headers().Set("Content-Type", "application/octet-stream")
			_, err = w.Write(body)
			return err
		},
		drive: func(p *probe) {
			sent := pattern(10_000_000)
			r := p.whole(request{method: "POST", body: bytes.NewReader(sent)}, 200)
			if !bytes.Equal(r.body, sent) {
				p.errorf("got %d bytes that differ from the %d sent", len(r.body), len(sent))
			}
		},
	},
	{
		Name: "no-body",
		Rule: "reading the body of a request without one ends at once (RFC 3875 section 4.2; A2)",
		app:  digest,
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), digestOf(nil))
		},
	},
	{
		Name: "unread-body",
		Rule: "an App need not read the body, and its answer arrives whole (RFC 3875 section 4.2; C45, F23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			return text(w, "not interested")
		},
		drive: func(p *probe) {
			r := p.whole(request{method: "POST", body: bytes.NewReader(pattern(10_000_000))}, 200)
			p.want("body", string(r.body), "not interested")
		},
	},
	{
		Name: "half-read-body",
		Rule: "an App need not read all of the body (RFC 3875 section 4.2; F23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			half := make([]byte, 50_000)
			if _, err := io.ReadFull(r.Stdin, half); err != nil {
				return err
			}
			return text(w, "%s", digestOf(half))
		},
		drive: func(p *probe) {
			sent := pattern(100_000)
			r := p.whole(request{method: "POST", body: bytes.NewReader(sent)}, 200)
			p.want("body", string(r.body), digestOf(sent[:50_000]))
		},
	},
	{
		Name: "unknown-length",
		Rule: "a chunked body is whole, with its coding removed (RFC 3875 section 4.1.2; C13, F27)",
		app:  digest,
		drive: func(p *probe) {
			sent := string(pattern(300_000))
			r := p.whole(request{method: "POST", body: chunked(sent)}, 200)
			p.want("body", string(r.body), digestOf([]byte(sent)))
		},
	},
}

// digest answers with what the body was.
func digest(w gateway.ResponseWriter, r *gateway.Request) error {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Stdin)
	if err != nil {
		return err
	}
	return text(w, "%d %x", n, sum.Sum(nil))
}

func digestOf(body []byte) string { return fmt.Sprintf("%d %x", len(body), sha256.Sum256(body)) }

func digested(name string, size int, rule string) Case {
	return Case{Name: name, Rule: rule, app: digest, drive: func(p *probe) {
		sent := pattern(size)
		r := p.whole(request{method: "POST", body: bytes.NewReader(sent), fields: []string{"Content-Type", "application/octet-stream"}}, 200)
		p.want("body", string(r.body), digestOf(sent))
	}}
}
