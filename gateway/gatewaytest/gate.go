package gatewaytest

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// gate is where an App waits for the client, or tells it what it has seen: that is how a case knows
// what happened before the other went on. It is a connection beside the gateway under test, so it
// is there for a program in another process too, and when the exchange itself is lost.
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

// field returns the value of gateField that tells the App of the gate.
func (g *gate) field() string { return strconv.Itoa(g.l.Addr().(*net.TCPAddr).Port) }

// accept waits for an App, which then waits until the connection is closed.
func (g *gate) accept(limit time.Duration) (net.Conn, error) {
	g.l.SetDeadline(time.Now().Add(limit))
	return g.l.Accept()
}

// open lets the App go on. It waits for it to arrive.
func (g *gate) open() error {
	c, err := g.accept(patience)
	if err != nil {
		return err
	}
	return c.Close()
}

// gather lets n Apps go on together, as soon as all have arrived, and returns how many did in time.
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

// hear returns what an App that has arrived on c says before it leaves. An App that was ended says
// nothing.
func hear(c net.Conn, limit time.Duration) (said string, left bool) {
	c.SetReadDeadline(time.Now().Add(limit))
	all, err := io.ReadAll(c)
	t := net.Error(nil)
	return string(all), !errors.As(err, &t) || !t.Timeout()
}

// atGate is the App's side: the connection to the gate that the request names.
func atGate(r *gateway.Request) (net.Conn, error) {
	port, err := strconv.ParseUint(r.Environ.Get("HTTP_X_GATEWAYTEST_GATE"), 10, 16)
	if err != nil {
		return nil, errGate
	}
	return net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)), patience)
}

// waitAtGate blocks until the client opens the gate.
func waitAtGate(r *gateway.Request) error {
	c, err := atGate(r)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.Copy(io.Discard, c)
	return err
}

// report tells the client something, whatever becomes of the response.
func report(r *gateway.Request, said string) error {
	c, err := atGate(r)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, said)
	return err
}
