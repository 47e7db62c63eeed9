package fastcgi

import (
	"bufio"
	"cmp"
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// clientMux holds the connections of a Client that carry several requests at the same time (FastCGI section 3.3). The zero value is
// ready.
type clientMux struct {
	mu      sync.Mutex
	conns   []*muxConn
	dialing chan struct{} // open while a connection is made, on which the next request may find room too
	off     bool          // the application cannot
}

// muxRequests is how many requests a connection gets before another is made. It is under fastcgi.Server's own bound.
const muxRequests = 100

// get returns one request's share of a connection, nil where the application cannot multiplex.
func (m *clientMux) get(ctx context.Context, c *Client) (*clientConn, error) {
	for {
		conn, dialing, mine := m.existing(c)
		switch {
		case mine:
			defer m.dialed(dialing)
			conn, err := c.pool.get(ctx, c, true)
			if err != nil {
				return nil, err
			}
			return m.begin(ctx, c, conn)
		case dialing == nil:
			return conn, nil
		}
		select {
		case <-dialing:
		case <-ctx.Done():
			return nil, transport.Failure(ctx, ctx.Err())
		}
	}
}

// existing finds room on the connections that there are. Where there is none, dialing is closed when there may be; if it is mine, the
// caller has to see to that.
func (m *clientMux) existing(c *Client) (conn *clientConn, dialing chan struct{}, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return nil, nil, false
	}
	full := c.MaxConns > 0 && len(m.conns) >= c.MaxConns
	for _, shared := range m.conns {
		if conn := shared.open(full); conn != nil {
			return conn, nil, false
		}
	}
	if m.dialing != nil {
		return nil, m.dialing, false
	}
	m.dialing = make(chan struct{})
	return nil, m.dialing, true
}

func (m *clientMux) dialed(dialing chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dialing = nil
	close(dialing)
}

// begin asks the application on a new connection whether it can multiplex, and shares that if so.
func (m *clientMux) begin(ctx context.Context, c *Client, conn *clientConn) (*clientConn, error) {
	shared := &muxConn{client: c, conn: conn, records: wire.NewRecordReader(bufio.NewReader(conn.call.Conn)), streams: make(map[uint16]*muxStream)}
	can := shared.ask(ctx)
	if ctx.Err() != nil {
		c.pool.drop(conn)
		return nil, transport.Failure(ctx, ctx.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !can {
		m.off = true
		c.pool.drop(conn)
		return nil, nil
	}
	c.pool.answered(conn)
	m.conns = append(m.conns, shared)
	stream := shared.open(true)
	go shared.read()
	return stream, nil
}

// refused notes that the application cannot multiplex, whatever it said.
func (m *clientMux) refused() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
}

// remove forgets a connection that has ended.
func (m *clientMux) remove(shared *muxConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = slices.DeleteFunc(m.conns, func(other *muxConn) bool { return other == shared })
}

// closeIdle closes the connections without a request.
func (m *clientMux) closeIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, shared := range m.conns {
		shared.closeIdle()
	}
}

// idle counts the connections without a request.
func (m *clientMux) idle() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, shared := range m.conns {
		if shared.isIdle() {
			n++
		}
	}
	return n
}

// muxConn is a connection that several exchanges share. Each has a muxStream, which is to it what a connection of its own would be.
type muxConn struct {
	client  *Client
	conn    *clientConn
	records *wire.RecordReader
	writing sync.Mutex // one request's records at a time

	mu      sync.Mutex
	streams map[uint16]*muxStream // those that have not ended, the given up ones too
	live    int                   // that were not given up
	last    uint16
	used    bool        // something was answered
	idle    *time.Timer // runs while none is live
	ended   error       // why there is no more
}

// ask reports whether the application says that it can multiplex. One that breaks off or is silent cannot.
func (m *muxConn) ask(ctx context.Context) bool {
	timeout := cmp.Or(m.client.DialTimeout, 10*time.Second)
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	values, err := m.conn.values(ctx, m.records, mpxsConns)
	return err == nil && values[mpxsConns] == "1"
}

// open returns a share of the connection, nil where there is no room; over its bound only with force.
func (m *muxConn) open(force bool) *clientConn {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended != nil || len(m.streams) >= wire.MaxContent || len(m.streams) >= muxRequests && !force {
		return nil
	}
	for m.last == 0 || m.streams[m.last] != nil {
		m.last++
	}
	if m.idle != nil {
		m.idle.Stop()
	}
	s := newMuxStream(m, m.last)
	m.streams[s.id] = s
	m.live++
	m.last++
	conn := newClientConn(m.conn.call.On(s))
	conn.id, conn.shared, conn.keep, conn.kept = s.id, true, true, m.used
	return conn
}

// read hands the records out until the connection ends.
func (m *muxConn) read() {
	for {
		h, content, err := m.records.Next()
		if err == nil {
			err = m.deliver(h, content)
		}
		if err != nil {
			m.end(err)
			return
		}
	}
}

// deliver gives a record to the request that it is for. What is for one that was given up means nothing.
func (m *muxConn) deliver(h wire.Header, content []byte) error {
	if h.ID == 0 {
		return nil
	}
	m.mu.Lock()
	s := m.streams[h.ID]
	m.used = true
	if h.Type == wire.TypeEndRequest && s != nil {
		delete(m.streams, h.ID)
		if !s.abandoned {
			m.retire()
		}
	}
	m.mu.Unlock()
	if s == nil {
		return wire.Errorf("record of type %d of request %d, which is not open", h.Type, h.ID)
	}
	s.deliver(h, content)
	return nil
}

// retire counts one live stream less.
func (m *muxConn) retire() {
	m.live--
	if m.live > 0 || m.ended != nil {
		return
	}
	if len(m.streams) > 0 { // all given up: their ends may never come
		m.shut()
		return
	}
	if timeout := idleTimeout(m.client); timeout > 0 {
		m.idle = time.AfterFunc(timeout, m.closeIdle)
	}
}

// abandon gives a request up, and tells the application where others go on.
func (m *muxConn) abandon(s *muxStream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streams[s.id] != s {
		return
	}
	s.abandoned = true
	m.retire()
	if m.live > 0 && m.ended == nil {
		go m.write(wire.AppendRecord(nil, wire.TypeAbortRequest, s.id, nil)) // Close must not wait
	}
}

// write writes whole records. A failure leaves a part of one, and so ends the connection.
func (m *muxConn) write(p []byte) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	_, err := m.conn.call.Write(p)
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.shut()
	}
	return err
}

// shut closes the connection, which read finds out, and keeps the next request from it.
func (m *muxConn) shut() {
	m.ended = cmp.Or(m.ended, net.ErrClosed)
	m.conn.call.Close()
}

// end ends the connection and all that is on it.
func (m *muxConn) end(err error) {
	m.client.mux.remove(m)
	m.mu.Lock()
	m.ended = cmp.Or(m.ended, err)
	if m.idle != nil {
		m.idle.Stop()
	}
	streams := m.streams
	m.streams = nil
	m.mu.Unlock()
	for _, s := range streams {
		s.fail(err)
	}
	m.client.pool.drop(m.conn)
}

func (m *muxConn) isIdle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live == 0
}

func (m *muxConn) closeIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live == 0 {
		m.shut()
	}
}
