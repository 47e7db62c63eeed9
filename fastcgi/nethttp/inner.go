package nethttp

import (
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
)

// inner is the connection that net/http/fcgi uses. The embedded Conn has the methods of the
// interface that net/http/fcgi does not call.
type inner struct {
	net.Conn
	conn *conn
}

// serveInner starts net/http/fcgi on c, in a goroutine that ends when its Read has returned io.EOF.
func serveInner(c *conn) {
	fcgi.Serve(&oneConn{inner{c.nc, c}}, c) // returns the error of oneConn
}

// Read reads the records that the watch has passed on.
func (i inner) Read(p []byte) (int, error) {
	n, err := i.conn.ahead.read(p)
	i.conn.resume()
	return n, err
}

// Write handles one record: net/http/fcgi writes each record with one call. An error makes the
// Write of the App fail.
func (i inner) Write(record []byte) (int, error) {
	if err := i.conn.handleAnswer(record); err != nil {
		return 0, err
	}
	return len(record), nil
}

// Close does nothing: the connection is closed when all its requests have ended.
func (i inner) Close() error { return nil }

// ServeHTTP is called by net/http/fcgi for each request, in a goroutine of its own.
func (c *conn) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := c.requestOf(hr)
	returned := false
	defer func() {
		if !returned { // the App called runtime.Goexit; net/http/fcgi does not end the request then
			c.appExited(r)
		}
	}()
	c.appReturned(r, r.run(w, hr.Body))
	returned = true
}

// oneConn is a listener that returns one connection.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	nc := l.conn
	l.conn = nil
	return nc, nil
}

func (l *oneConn) Addr() net.Addr { return nil }
func (l *oneConn) Close() error   { return nil }
