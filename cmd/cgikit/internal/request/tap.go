package request

import (
	"context"
	"net"
	"sync"
	"time"
)

// startOfAnswer is how many bytes of an answer are kept to recognise its protocol.
const startOfAnswer = 64

// tap notes what happens on the connections of an exchange. Its methods may be called at the same
// time: net/http reads in a goroutine of its own.
type tap struct {
	system    func(ctx context.Context, network, address string) (net.Conn, error)
	connected func(address string, took time.Duration) // called when a connection is made; may be nil

	mu sync.Mutex
	tapped
}

// tapped is what a tap knows of the exchange under way.
type tapped struct {
	began     time.Time
	ready     bool          // there is a connection, of this exchange or an earlier one
	connect   time.Duration // what making it took; 0 for one that was kept
	firstByte time.Duration // since began; 0 before it
	bytes     int64         // received
	start     string        // the first of them
}

// begin begins an exchange. A connection that was kept from the one before may be used.
func (t *tap) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tapped = tapped{began: time.Now(), ready: t.ready}
}

// snapshot returns what is known now.
func (t *tap) snapshot() tapped {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tapped
}

// dial is the Connect of the clients.
func (t *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	began := time.Now()
	t.setReady(false, 0)
	nc, err := t.system(ctx, network, address)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	t.setReady(true, took)
	if t.connected != nil {
		t.connected(address, took)
	}
	return &tappedConn{nc, t}, nil
}

func (t *tap) setReady(ready bool, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready, t.tapped.connect = ready, took
}

func (t *tap) note(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes == 0 && len(p) > 0 {
		t.firstByte = time.Since(t.began)
	}
	t.bytes += int64(len(p))
	if room := startOfAnswer - len(t.start); room > 0 {
		t.start += string(p[:min(len(p), room)])
	}
}

// tappedConn is a connection whose received bytes are noted.
type tappedConn struct {
	net.Conn
	tap *tap
}

// Read implements io.Reader.
func (c *tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tap.note(p[:n])
	return n, err
}
