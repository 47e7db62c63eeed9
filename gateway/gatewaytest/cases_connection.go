package gatewaytest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// connectionCases check several requests at a time, and clients that are slow or go away.
var connectionCases = []Case{
	{
		Name: "keep-alive",
		Rule: "consecutive requests on a connection get their own responses, without bytes of another one (RFC 9112 section 9.3; F17)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			query := r.Environ.Get("QUERY_STRING")
			if len(query) < 3 {
				return errors.New("no status in the query")
			}
			if err := w.Start(query[:3] + " Asked"); err != nil {
				return err
			}
			_, err := io.WriteString(w, query)
			return err
		},
		drive: keepAlive,
	},
	{
		Name: "concurrent",
		Rule: "concurrent requests do not wait for each other, and do not mix (wsgi.multithread, wsgi.multiprocess; F32)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			if err := waitAtGate(r); err != nil {
				return err
			}
			body, err := io.ReadAll(r.Stdin)
			if err != nil {
				return err
			}
			return text(w, "%s %s", r.Environ.Get("QUERY_STRING"), body)
		},
		drive: concurrent,
	},
	{
		Name: "slow-reader",
		Rule: "a client that takes the response in small pieces gets all of it (C36, C46)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			from := slowContent.reader()
			if _, err := io.CopyN(w, from, contentBlock); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if err := waitAtGate(r); err != nil {
				return err
			}
			_, err := io.Copy(w, from)
			return err
		},
		drive: func(p *probe) {
			g := p.newGate()
			defer g.close()
			via := narrow()
			defer via.CloseIdleConnections()
			resp, cancel := p.start(request{limit: 4 * p.prompt, via: via, fields: []string{gateField, g.field()}})
			defer cancel()
			defer resp.Body.Close()
			if err := g.release(); err != nil {
				p.fatalf("the App did not come to its gate: %v", err)
			}
			if err := slowContent.compare(resp.Body); err != nil {
				p.errorf("body: got %v; want %d bytes", err, int64(slowContent))
			}
		},
	},
	{
		Name: "full-duplex",
		Rule: "an App's response to the first part of a body arrives before the second part is sent (C46, F48)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			part := make([]byte, 6)
			for range 2 {
				if _, err := io.ReadFull(r.Stdin, part); err != nil {
					return err
				}
				if _, err := w.Write(part); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		},
		drive: fullDuplex,
	},
	{
		Name: "gone-while-silent",
		Rule: "when the client goes away while the App is working, the context of the request ends, or the process does (C42, F18, F43)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			c, err := beginAtGate(w, r)
			if err != nil {
				return err
			}
			defer c.Close()
			select {
			case <-r.Context().Done():
				_, err = io.WriteString(c, "told")
			case <-closed(c):
			}
			return err
		},
		drive: func(p *probe) {
			p.leaves()
		},
	},
	{
		Name: "gone-while-writing",
		Rule: "an App that writes to a client that went away gets an error, or its process ends (C42, F43)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			c, err := beginAtGate(w, r)
			if err != nil {
				return err
			}
			defer c.Close()
			givenUp := closed(c)
			if _, err := io.Copy(w, goneContent.reader()); err == nil {
				<-givenUp
				return nil
			}
			_, err = io.WriteString(c, "told")
			return err
		},
		drive: func(p *probe) {
			p.leaves()
		},
	},
}

// keepAlive sends, after each response that must not have a body, and after one whose App does not
// read the request body, another request on the same connection.
func keepAlive(p *probe) {
	var dialled atomic.Int32
	via := newClient()
	via.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	defer via.CloseIdleConnections()
	for i, q := range []request{{path: "200"}, {path: "200"}, {path: "204"}, {path: "205"}, {path: "304"}, {method: "HEAD", path: "200"},
		{path: "404"}, {method: "POST", path: "200", body: bytes.NewReader(pattern(100_000))}, {path: "200"}} {
		status, query := q.path, fmt.Sprintf("%s-%d", q.path, i)
		q.via, q.path = via, "/?"+query
		r := p.do(q)
		p.want("status of "+query, r.status[:3], status)
		body := query
		if q.method == "HEAD" || status == "204" || status == "205" || status == "304" {
			body = ""
		}
		p.want("body of "+query, string(r.body), body)
		if i == 1 && dialled.Load() != 1 {
			p.errorf("the second request opened a new connection; want it on the first one")
		}
	}
}

// concurrent keeps each request in its App until all requests have reached theirs.
func concurrent(p *probe) {
	const requests = 4
	g := p.newGate()
	defer g.close()
	results := make([]chan string, requests)
	for i := range results {
		results[i] = make(chan string, 1)
		q := request{method: "POST", path: fmt.Sprintf("/?%d", i), fields: []string{gateField, g.field()}, body: numbered(i)}
		go func() { results[i] <- p.outcome(q) }()
	}
	if there := g.gather(requests, p.prompt); there < requests {
		p.errorf("%d of %d requests were in their Apps at the same time; want all of them", there, requests)
	}
	g.close() // a late App does not wait
	for i, result := range results {
		want, _ := io.ReadAll(numbered(i))
		p.want("outcome", <-result, fmt.Sprintf("200 %d %s", i, want))
	}
}

func numbered(i int) io.Reader { return strings.NewReader(strings.Repeat(fmt.Sprint(i), 10_000)) }

// outcome sends q and returns the result as text. It may run in any goroutine.
func (p *probe) outcome(q request) string {
	resp, cancel, err := p.send(q)
	if err != nil {
		return err.Error()
	}
	defer cancel()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

// slowContent is larger than all buffers between the App and the client.
const slowContent content = 8 << 20

// goneContent is larger than all buffers that can fill after the client has gone.
const goneContent content = 64 << 20

// narrow returns a client with a small receive buffer.
func narrow() *http.Transport {
	via := newClient()
	via.DisableKeepAlives = true
	via.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(256 << 10)
		}
		return c, err
	}
	return via
}

func fullDuplex(p *probe) {
	c := p.dial()
	defer c.Close()
	c.SetDeadline(time.Now().Add(p.prompt))
	p.write(c, "POST", "first,", "Content-Length: 12")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		p.fatalf("no response while the body is half sent: %v", err)
	}
	defer resp.Body.Close()
	if got, err := readExactly(resp, 6); got != "first," {
		p.fatalf("got %q, %v while the body is half sent; want \"first,\"", got, err)
	}
	c.SetDeadline(time.Now().Add(p.patience))
	if _, err := io.WriteString(c, "second"); err != nil {
		p.fatalf("the second part was not sent: %v", err)
	}
	rest, err := io.ReadAll(resp.Body)
	p.want("rest", fmt.Sprintf("%s, %v", rest, err), "second, <nil>")
}

// beginAtGate sends the client a byte and connects to the gate.
func beginAtGate(w gateway.ResponseWriter, r *gateway.Request) (net.Conn, error) {
	if _, err := io.WriteString(w, "a"); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return atGate(r)
}

// closed returns a channel that is closed when the client has closed c and so stops waiting.
func closed(c net.Conn) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(io.Discard, c)
	}()
	return done
}

// leaves ends the exchange after the first byte, and fails unless the App notices.
func (p *probe) leaves() {
	g := p.newGate()
	defer g.close()
	resp, cancel := p.start(request{limit: p.prompt, fields: []string{gateField, g.field()}})
	defer cancel()
	defer resp.Body.Close()
	if _, err := readExactly(resp, 1); err != nil {
		p.fatalf("the first byte did not arrive while the App was working: %v", err)
	}
	app, err := g.accept(p.prompt)
	if err != nil {
		p.fatalf("the App did not come to its gate: %v", err)
	}
	defer app.Close()
	cancel()
	resp.Body.Close()
	if said, left := hear(app, p.prompt); !left {
		p.errorf("the App reported %q and was still working %v after the client had gone; want it to notice", said, p.prompt)
	}
}
