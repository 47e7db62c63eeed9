package fastcgi

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

const (
	// fileRecord is the content of a record of a file, in bytes: whole pages, which go out faster than the largest record, over
	// TCP as on a unix socket that was widened. `go run ./testdata/bench/fastcgi sweep` compares sizes.
	fileRecord = 15 * 4096

	// smallFile is what is copied to go out in one write with the rest of the response.
	smallFile = 16 << 10
)

// errFileShrank breaks a response: its end is missing.
var errFileShrank = errors.New("fastcgi: file became shorter while it was sent")

// SendFile implements gateway.FileSender: records whose content goes from the file to the socket by sendfile(2).
func (o *output) SendFile(f gateway.File, n int64) (int64, error) {
	size := rest(f)
	if n >= 0 {
		size = min(size, n)
	}
	if size <= smallFile {
		return gateway.SendFile(copied{o}, f, n, nil)
	}
	o.request.conn.widen()
	sent := int64(0)
	for sent < size {
		k, err := o.sendRecord(f, min(size-sent, fileRecord))
		sent += k
		if err != nil {
			return sent, err
		}
	}
	if n >= 0 {
		return sent, nil
	}
	grown, err := gateway.SendFile(copied{o}, f, n, nil)
	return sent + grown, err
}

// copied hides what a socket could do better: what is written to it is copied.
type copied struct{ io.Writer }

// sendRecord sends size bytes as one record, behind what waits.
func (o *output) sendRecord(f gateway.File, size int64) (int64, error) {
	b, c := o.buffer(), o.request.conn
	if len(b.data) > 0 {
		o.sealRecord(0)
	}
	b.data = b.data[:len(b.data)+wire.HeaderSize]
	padding := int(-size & 7)
	putHeader(b.data[len(b.data)-wire.HeaderSize:], wire.TypeStdout, o.request.id, int(size), padding)
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := o.failure(); err != nil {
		return 0, err
	}
	err := c.sendMore(b.data, size+int64(padding))
	b.data = b.data[:0]
	if err != nil {
		return 0, err
	}
	return c.sendContent(f, size, padding)
}

// sendContent sends the content of a record whose header is sent. What the file does not have any more is made up for by zeros, so
// that other requests of the connection stay readable; the response is broken all the same. The caller holds wmu.
func (c *conn) sendContent(f gateway.File, size int64, padding int) (int64, error) {
	sent, err := gateway.SendFile(c.nc, f, size, c.setWriteDeadline)
	missing := size - sent
	if err == nil && missing > 0 {
		err = errFileShrank
	}
	fill := filling(missing + int64(padding))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return sent, c.lost(err, fill)
	}
	for _, part := range fill {
		if err := c.send(part); err != nil {
			return sent, err
		}
	}
	return sent, err
}

// filling is n bytes of zeros.
func filling(n int64) (v net.Buffers) {
	for n > 0 {
		part := zeros[:min(n, int64(len(zeros)))]
		v = append(v, part)
		n -= int64(len(part))
	}
	return v
}

// sendMore writes records to which something is joined at once: the last of them lacks as many bytes. The caller holds wmu.
func (c *conn) sendMore(records []byte, lacks int64) error {
	if c.finished {
		return io.ErrClosedPipe
	}
	n := c.socket.WriteMoreNow(records)
	if n == len(records) {
		return nil
	}
	v := net.Buffers{records[n:]}
	if _, err := c.socket.WriteAll(&v, c.setWriteDeadline); err != nil {
		return c.lost(err, append(v, filling(lacks)...))
	}
	return nil
}

// rest is how much of f lies behind its offset, 0 where it cannot be told.
func rest(f gateway.File) int64 {
	s, ok := f.(io.Seeker)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return info.Size() - at
}
