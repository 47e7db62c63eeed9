package fastcgi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

// TestFlushedPieces: once an App has flushed after a large Write, each further Write is one record,
// which leaves nothing for the Flush to send. A Write without a Flush after it ends that.
func TestFlushedPieces(t *testing.T) {
	const size, tail = 32 << 10, 4 << 10
	piece := strings.Repeat("x", size)
	if onNethttp(t) {
		t.Skip("that engine makes its own records")
	}
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		for _, flushed := range []bool{true, true, true, false, false} {
			if _, err := w.Write([]byte(piece)); err != nil {
				return err
			}
			if !flushed {
				continue
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
	c := dial(t, srv.addr).send(get(1, 0, "/"))
	c.next() // the head
	var sizes []int
	for r := c.next(); r.kind == typeStdout && r.content != ""; r = c.next() {
		sizes = append(sizes, len(r.content))
	}
	want := []int{size - tail, tail, size, size, size, size - tail, tail}
	if !slices.Equal(sizes, want) {
		t.Errorf("records of %d bytes; want %d", sizes, want)
	}
}
