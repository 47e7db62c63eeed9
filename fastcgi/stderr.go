package fastcgi

import (
	"errors"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// errorStream writes to the web server's error log. Several goroutines may use it at the same time
// until the App returns.
type errorStream request

// Write sends STDERR records at once. Text that cannot be sent because the web server has
// disconnected is logged to ErrorLog when the request is over: it may tell why an App panicked.
func (s *errorStream) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), wire.AlignedContent)]
		if err := s.sendRecord(part); err != nil {
			if !errors.Is(err, gateway.ErrFinished) {
				s.unsent.CompareAndSwap(nil, new(unsentText))
				s.unsent.Load().add(p)
			}
			return n, err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, nil
}

func (s *errorStream) sendRecord(part []byte) error {
	w, err := s.out.lock()
	if err != nil {
		return err
	}
	defer w.mu.Unlock()
	s.out.stderrUsed = true
	return w.send(appendError(nil, s.id, part))
}

// unsentText keeps the end of the text that an App wrote to its error stream after the web server
// had disconnected.
type unsentText struct {
	mu   sync.Mutex
	text []byte
	cut  int64 // dropped bytes before text
}

// mostUnsent bounds the kept text, in bytes.
const mostUnsent = 4 << 10

func (u *unsentText) add(p []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.text = append(u.text, p...)
	if over := len(u.text) - mostUnsent; over > 0 {
		u.cut += int64(over)
		u.text = append(u.text[:0], u.text[over:]...)
	}
}

// logUnsent writes the kept text, if any, in one line.
func (r *request) logUnsent() {
	u := r.unsent.Load()
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.text) > 0 {
		r.conn.limits.log.Warn("error output of a request whose web server has disconnected", "text", string(u.text), "bytes_before", u.cut)
	}
}

// appendError appends content, at most AlignedContent bytes, as a STDERR record that always has
// padding. HAProxy 2.6.12 crashes on a record without padding if its last byte is also the last
// byte that HAProxy has read (fixed in 2023 by its commit 665703d).
func appendError(dst []byte, id uint16, content []byte) []byte {
	return wire.AppendPadded(dst, wire.TypeStderr, id, content, 8-len(content)&7)
}
