//go:build !linux

package gateway

import "syscall"

// sendFile sends nothing; the caller copies the file. The sendfile calls of other systems support
// only sockets, each under different rules.
func sendFile(syscall.Conn, File, int64, func() error) (sent int64, handled bool, err error) {
	return 0, false, nil
}
