package fastcgi

import (
	"errors"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// errorStream is a request's way to the web server's error log. It may be used from several goroutines at the same time, until the
// App returns.
type errorStream request

// Write sends STDERR records at once. What cannot be sent, as nobody is there any more, goes to ErrorLog: it may be why an App
// panicked.
func (s *errorStream) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), wire.AlignedContent)]
		if err := s.send(part); err != nil {
			if !errors.Is(err, gateway.ErrFinished) {
				s.conn.limits.log.Warn("error output of a request whose web server is gone", "text", string(p[:min(len(p), 4096)]))
			}
			return n, err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, nil
}

func (s *errorStream) send(part []byte) error {
	w, err := s.out.lock()
	if err != nil {
		return err
	}
	defer w.mu.Unlock()
	s.out.stderrUsed = true
	return w.send(appendError(nil, s.id, part))
}
