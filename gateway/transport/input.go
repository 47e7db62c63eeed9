package transport

import (
	"io"
	"sync"

	"github.com/cgikit/cgikit/gateway"
)

// source reads the bytes of a request. Peek is Read, but leaves the bytes in the system. It is
// called only if mustPeek returns true.
type source interface {
	io.Reader
	Peek(p []byte) (int, error)
	mustPeek() bool
}

// input is the incoming side of a connection: the head of one request, and then its body, which
// Read returns.
//
// If the source's mustPeek returns true, the last byte of the request is only peeked at and never
// read, so that closing the connection is a reset (see Exchange.abort). All bytes of the last piece
// are left unread, which costs no more calls than reading them would.
type input struct {
	src source

	mu         sync.Mutex // held by Read: a goroutine of the App may still be in Read when the App returns
	buf        []byte     // nil once the request has ended
	start, end int        // buf[start:end] has arrived and Read has not returned it
	peeked     int        // bytes up to end that are still unread in the source
	left       int64      // bytes of the body that Read has not returned
}

// fill waits for more bytes. At the end of the connection it returns io.ErrUnexpectedEOF, or io.EOF
// if nothing has arrived.
func (in *input) fill() error {
	if err := in.readPeeked(); err != nil {
		return err
	}
	if in.end == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	n, err := in.receive(in.buf[in.end:])
	in.end += n
	switch {
	case n > 0:
		return nil
	case err == io.EOF && in.end > 0:
		return io.ErrUnexpectedEOF
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// receive peeks if the source must be peeked at, and reads otherwise.
func (in *input) receive(p []byte) (int, error) {
	if !in.src.mustPeek() {
		return in.src.Read(p)
	}
	n, err := in.src.Peek(p)
	in.peeked = n
	return n, err
}

// readPeeked reads the bytes that were peeked at, to the same place in buf.
func (in *input) readPeeked() error {
	if in.peeked == 0 {
		return nil
	}
	_, err := io.ReadFull(in.src, in.buf[in.end-in.peeked:in.end])
	in.peeked = 0
	return err
}

// Read reads the body. Package gateway bounds it to CONTENT_LENGTH.
func (in *input) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.buf == nil:
		return 0, gateway.ErrFinished
	case in.left == 0:
		return 0, io.EOF
	}
	if int64(len(p)) > in.left {
		p = p[:in.left]
	}
	n, err := in.read(p)
	in.left -= int64(n)
	return n, err
}

func (in *input) read(p []byte) (int, error) {
	if in.start < in.end {
		n := copy(p, in.buf[in.start:in.end])
		in.start += n
		return n, nil
	}
	if err := in.readPeeked(); err != nil {
		return 0, err
	}
	switch {
	case !in.src.mustPeek():
		return in.src.Read(p)
	case in.left > 1:
		return in.src.Read(p[:min(int64(len(p)), in.left-1)])
	}
	in.start, in.end = 0, 0
	n, err := in.receive(in.buf[:1])
	in.end = n
	in.start = copy(p, in.buf[:n])
	return n, err
}

// isComplete reports whether the whole request has arrived, and nothing after it. The part of the
// body that the App has not read counts if it is in the buffer.
func (in *input) isComplete() bool { return int64(in.end-in.start) == in.left }

// close makes Read fail from now on, including one under way, and returns the buffer.
func (in *input) close(interrupt func()) []byte {
	if !in.mu.TryLock() {
		interrupt()
		in.mu.Lock()
	}
	defer in.mu.Unlock()
	buf := in.buf
	in.buf = nil
	return buf
}
