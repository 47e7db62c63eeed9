package gatewaytest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// bodyCases check what the App reads.
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
			r := p.doWhole(request{method: "POST", body: strings.NewReader("name=tatsuhiko"),
				fields: []string{"Content-Type", "application/x-www-form-urlencoded"}}, 200)
			p.want("body", string(r.body), "14 application/x-www-form-urlencoded name=tatsuhiko")
		},
	},
	digested("post-96000", 96_000, "a body of several records or segments is whole (FastCGI section 3.3; F6)"),
	digested("post-10-megabytes", large, "a large body is whole (C23)"),
	digested("post-empty", 0, "an empty body ends at once (C23)"),
	{
		Name: "echo-10-megabytes",
		Rule: "large bodies go both ways (C23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			body := make([]byte, large)
			if _, err := io.ReadFull(r.Stdin, body); err != nil {
				return err
			}
			w.Headers().Set("Content-Type", "application/octet-stream")
			_, err := w.Write(body)
			return err
		},
		drive: func(p *probe) {
			p.large(request{method: "POST", body: large.reader(), length: int64(large)}, large)
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
		Rule: "a response arrives complete although the App does not read the body (RFC 3875 section 4.2; C45, F23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			return text(w, "not interested")
		},
		drive: func(p *probe) {
			r := p.doWhole(request{method: "POST", body: large.reader(), length: int64(large)}, 200)
			p.want("body", string(r.body), "not interested")
		},
	},
	{
		Name: "half-read-body",
		Rule: "an App may read only part of the body (RFC 3875 section 4.2; F23)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			half := make([]byte, 50_000)
			if _, err := io.ReadFull(r.Stdin, half); err != nil {
				return err
			}
			return text(w, "%s", digestOf(half))
		},
		drive: func(p *probe) {
			sent := pattern(100_000)
			r := p.doWhole(request{method: "POST", body: bytes.NewReader(sent)}, 200)
			p.want("body", string(r.body), digestOf(sent[:50_000]))
		},
	},
	{
		Name: "unknown-length",
		Rule: "a chunked body is whole, with its coding removed (RFC 3875 section 4.1.2; C13, F27)",
		app:  digest,
		drive: func(p *probe) {
			sent := string(pattern(300_000))
			r := p.doWhole(request{method: "POST", body: chunked(sent)}, 200)
			p.want("body", string(r.body), digestOf([]byte(sent)))
		},
	},
	{
		Name: "unknown-length-empty",
		Rule: "a chunked body of no bytes ends at once (RFC 3875 section 4.1.2; C13)",
		app:  digest,
		drive: func(p *probe) {
			r := p.doWhole(request{method: "POST", body: chunked("")}, 200)
			p.want("body", string(r.body), digestOf(nil))
		},
	},
	cutOff("short-request-body", "Content-Length: 10", "abc",
		"a body short of its CONTENT_LENGTH does not pass for a whole one (RFC 3875 section 4.2; F26, S6)"),
	cutOff("short-chunked-body", "Transfer-Encoding: chunked", "3\r\nabc\r\n",
		"a chunked body without its last chunk does not pass for a whole one (RFC 9112 section 8; F26)"),
	{
		Name: "too-large-a-body",
		Rule: "a body over the limit is answered with 413, whether the App reads it or not (RFC 9110 section 15.5.14; A7)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			return &gateway.BodyTooLargeError{Limit: 1000}
		},
		drive: func(p *probe) {
			p.doWhole(request{method: "POST", body: bytes.NewReader(pattern(100_000))}, 413)
		},
	},
}

// digest answers with the length and the SHA-256 of the body.
func digest(w gateway.ResponseWriter, r *gateway.Request) error {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Stdin)
	if err != nil {
		return err
	}
	return text(w, "%d %x", n, sum.Sum(nil))
}

func digestOf(body []byte) string { return fmt.Sprintf("%d %x", len(body), sha256.Sum256(body)) }

func digested(name string, size content, rule string) Case {
	return Case{Name: name, Rule: rule, app: digest, drive: func(p *probe) {
		q := request{method: "POST", body: size.reader(), length: int64(size), fields: []string{"Content-Type", "application/octet-stream"}}
		if size == 0 {
			q.body = http.NoBody
		}
		sum := sha256.New()
		io.Copy(sum, size.reader())
		p.want("body", string(p.doWhole(q, 200).body), fmt.Sprintf("%d %x", size, sum.Sum(nil)))
	}}
}

// large is a body that fills every buffer between the client and the App.
const large content = 10_000_000

// cutOff sends the beginning of a request body and closes the connection. A server that waits for
// the whole body never calls the App. A server that calls the App must not let it read io.EOF.
func cutOff(name, length, body, rule string) Case {
	return Case{Name: name, Rule: rule, app: wholeOrShort, drive: func(p *probe) {
		g := p.newGate()
		defer g.close()
		c := p.dial()
		defer c.Close()
		p.write(c, "POST", body, length, gateField+": "+g.field())
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			p.fatalf("half-close: %v", err)
		}
		io.Copy(io.Discard, c) // the answer to half a request does not matter
		app, err := g.accept(afterwards)
		if err != nil {
			return
		}
		defer app.Close()
		if said, _ := hear(app, p.prompt); said == "whole" {
			p.errorf("the App read %s to an io.EOF; want an error", short(body))
		}
	}}
}

// afterwards is how long after the exchange an App may report what it has seen.
const afterwards = 50 * time.Millisecond

func wholeOrShort(w gateway.ResponseWriter, r *gateway.Request) error {
	said := "whole"
	if _, err := io.Copy(io.Discard, r.Stdin); err != nil {
		said = "short"
	}
	return report(r, said)
}
