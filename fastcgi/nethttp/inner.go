package nethttp

import (
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
)

// inner is the connection that net/http/fcgi has. The embedded Conn is there for the rest of the
// interface, which net/http/fcgi does not use.
type inner struct {
	net.Conn
	conn *conn
}

// serveInner starts net/http/fcgi on c, in a goroutine that ends when its Read has returned io.EOF.
func serveInner(c *conn) {
	fcgi.Serve(&oneConn{inner{c.nc, c}}, c) // its error is that of oneConn
}

// Read gives the records that the watch has passed on.
func (i inner) Read(p []byte) (int, error) {
	n, err := i.conn.ahead.take(p)
	i.conn.resume()
	return n, err
}

// Write takes one record: net/http/fcgi writes each with one call. An error makes the Write of the
// App fail.
func (i inner) Write(record []byte) (int, error) {
	if err := i.conn.handleAnswer(record); err != nil {
		return 0, err
	}
	return len(record), nil
}

// Close does nothing: the connection ends when all its requests have.
func (i inner) Close() error { return nil }

// ServeHTTP is called by net/http/fcgi for each request, in a goroutine of its own.
func (c *conn) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := c.requestOf(hr)
	returned := false
	defer func() {
		if !returned { // the App called runtime.Goexit, and net/http/fcgi will not end the request
			c.appExited(r)
		}
	}()
	c.appReturned(r, r.run(w, hr.Body))
	returned = true
}

// oneConn is a listener of one connection.
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
