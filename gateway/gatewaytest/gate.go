package gatewaytest

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// gate is a listener of the client. An App connects to it to wait for the client, or to report to
// it, so that a case controls the order of events on both sides. The connection does not pass
// through the gateway under test: it works for an App in another process, and when the exchange
// itself is lost.
type gate struct {
	l *net.TCPListener
}

var errGate = errors.New("gatewaytest: no gate in the request")

func (p *probe) newGate() *gate {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		p.fatalf("gate: %v", err)
	}
	return &gate{l}
}

func (g *gate) close() { g.l.Close() }

// field returns the value of gateField, by which the App finds the gate.
func (g *gate) field() string { return strconv.Itoa(g.l.Addr().(*net.TCPAddr).Port) }

// accept waits for an App, which then waits until the connection is closed.
func (g *gate) accept(limit time.Duration) (net.Conn, error) {
	g.l.SetDeadline(time.Now().Add(limit))
	return g.l.Accept()
}

// release waits until the App has reached the gate, and lets it continue.
func (g *gate) release() error {
	c, err := g.accept(patience)
	if err != nil {
		return err
	}
	return c.Close()
}

// gather waits until n Apps have reached the gate, and then lets all continue. It returns how many
// arrived within limit.
func (g *gate) gather(n int, limit time.Duration) (arrived int) {
	for range n {
		c, err := g.accept(limit)
		if err != nil {
			break
		}
		defer c.Close()
		arrived++
	}
	return arrived
}

// hear returns what an App that has connected by c writes before it closes c. left is false if it
// has not closed c within limit. An App whose process was killed writes nothing.
func hear(c net.Conn, limit time.Duration) (said string, left bool) {
	c.SetReadDeadline(time.Now().Add(limit))
	all, err := io.ReadAll(c)
	t := net.Error(nil)
	return string(all), !errors.As(err, &t) || !t.Timeout()
}

// atGate connects the App to the gate that the request names.
func atGate(r *gateway.Request) (net.Conn, error) {
	port, err := strconv.ParseUint(r.Environ.Get("HTTP_X_GATEWAYTEST_GATE"), 10, 16)
	if err != nil {
		return nil, errGate
	}
	return net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)), patience)
}

// waitAtGate blocks until the client releases the gate.
func waitAtGate(r *gateway.Request) error {
	c, err := atGate(r)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.Copy(io.Discard, c)
	return err
}

// report sends text to the client over the gate, even if the response is lost.
func report(r *gateway.Request, said string) error {
	c, err := atGate(r)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, said)
	return err
}
