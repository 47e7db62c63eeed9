package transport

import (
	"io"
	"sync"

	"github.com/cgikit/cgikit/gateway"
)

// source is where a request's bytes come from. Peek is Read, but for leaving the bytes where they
// are; it is called only if the source keeps.
type source interface {
	io.Reader
	Peek(p []byte) (int, error)
	keeps() bool
}

// input is the incoming side of a connection: one request's head, and then its body, which is what
// Read gives.
//
// If the source keeps, the last byte of the request is only peeked at and never taken, so that
// closing the connection is a reset (see Exchange.abort). All bytes of the last piece are left
// there, which costs no more calls than taking them would.
type input struct {
	src source

	mu         sync.Mutex // held by Read: an App may leave a goroutine behind that is in there
	buf        []byte     // nil once the request has ended
	start, end int        // buf[start:end] came and was not handed out
	kept       int        // bytes up to end that the source still has
	left       int64      // bytes of the body that were not handed out
}

// fill waits for more bytes. The end of the connection is an io.ErrUnexpectedEOF, but io.EOF where
// nothing came at all.
func (in *input) fill() error {
	if err := in.take(); err != nil {
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

// receive peeks if it can, and reads otherwise.
func (in *input) receive(p []byte) (int, error) {
	if !in.src.keeps() {
		return in.src.Read(p)
	}
	n, err := in.src.Peek(p)
	in.kept = n
	return n, err
}

// take takes what was peeked at: the same bytes once more.
func (in *input) take() error {
	if in.kept == 0 {
		return nil
	}
	_, err := io.ReadFull(in.src, in.buf[in.end-in.kept:in.end])
	in.kept = 0
	return err
}

// Read gives the body, which must have been asked for up to CONTENT_LENGTH only: gateway bounds it.
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
	if err := in.take(); err != nil {
		return 0, err
	}
	switch {
	case !in.src.keeps():
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

// whole reports whether all of the request has come, and nothing more. Whatever the App left is
// counted as come if it is in the buffer.
func (in *input) whole() bool { return int64(in.end-in.start) == in.left }

// close makes Read fail from now on, also one under way, and hands back the buffer.
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
