//go:build !linux

package scgi

import "net"

// socket can do nothing here: what the methods are for was measured on Linux only. A peer that went away is noticed when it
// is written to.
type socket struct{}

func newSocket(net.Conn) socket { return socket{} }

func (socket) resetsByUnread() bool { return false }

func (socket) peek([]byte) (int, error) { panic("scgi: peek where resetsByUnread is false") }

func (socket) readNow([]byte) int { return 0 }

func (socket) peekNow([]byte) int { return 0 }

func (socket) writeNow([]byte) int { return 0 }

func (socket) watch(func()) (stop func()) { return func() {} }
