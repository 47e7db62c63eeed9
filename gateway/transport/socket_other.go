//go:build !linux

package transport

import (
	"errors"
	"net"
)

// initRaw does nothing: on systems other than Linux the Socket uses net.Conn only. The gain of
// system calls was measured on Linux alone.
func (s *Socket) initRaw() {}

// ResetsByUnread returns false.
func (s *Socket) ResetsByUnread() bool { return false }

// Peek fails.
func (s *Socket) Peek([]byte) (int, error) { return 0, errors.ErrUnsupported }

// ReadNow returns 0.
func (s *Socket) ReadNow([]byte) int { return 0 }

func (s *Socket) readBothNow(p, q []byte) int { return 0 }

// PeekNow returns 0.
func (s *Socket) PeekNow([]byte) int { return 0 }

// WriteNow returns 0.
func (s *Socket) WriteNow([]byte) int { return 0 }

// WriteMoreNow returns 0.
func (s *Socket) WriteMoreNow([]byte) int { return 0 }

func (s *Socket) writeSome(v *net.Buffers) (int64, error) { return s.writeUntilDeadline(v) }

// ReadLazily is Read.
func (s *Socket) ReadLazily(b Buffer) (int, error) {
	b.Release()
	return s.nc.Read(b.Acquire())
}

// WaitGone fails.
func (s *Socket) WaitGone(func() bool) (gone bool, err error) { return false, errors.ErrUnsupported }

// Watch does nothing: a closed connection is noticed when the server writes to it.
func (s *Socket) Watch(func()) (stop func()) { return func() {} }

func (s *Socket) queued() int { return -1 }
