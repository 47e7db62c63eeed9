package scgi

import (
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// Answers to what no App gets to see. They are written before the request is known, so also to a HEAD; web servers drop the
// body of that.
var (
	pageBusy     = page("503 Service Unavailable", "The server is busy. Try again later.\n")
	pageTooLarge = page("431 Request Header Fields Too Large", "The head of the request is too large.\n")
)

func page(status, text string) string {
	return "Status: " + status + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
		strconv.Itoa(len(text)) + "\r\n\r\n" + text
}

// answer sends a page and closes when the peer has taken it.
func (c *conn) answer(page string, scratch []byte) {
	if _, err := io.WriteString(c, page); err == nil {
		c.linger(scratch)
	}
}

// refuseBusy answers a connection above MaxConns, under the deadline that package listen has set.
func refuseBusy(nc net.Conn) {
	if _, err := io.WriteString(nc, pageBusy); err != nil {
		return
	}
	if w, ok := nc.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
	io.CopyN(io.Discard, nc, lingerBytes)
}

// requestCount counts the requests under way.
type requestCount struct {
	now     atomic.Int64
	refused atomic.Int64 // when one was last, in nanoseconds since 1970
}

// enter counts one more, unless there are max already and max is positive. news says that none was refused for a minute.
func (c *requestCount) enter(max int) (entered, news bool) {
	if n := c.now.Add(1); max <= 0 || n <= int64(max) {
		return true, false
	}
	c.leave()
	now := time.Now().UnixNano()
	return false, now-c.refused.Swap(now) > int64(time.Minute)
}

func (c *requestCount) leave() { c.now.Add(-1) }
