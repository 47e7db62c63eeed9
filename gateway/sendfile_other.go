//go:build !linux

package gateway

import "syscall"

// sendFile leaves all to the caller: the other systems' sendfile calls take sockets only, each with
// rules of its own.
func sendFile(syscall.Conn, File, int64, func() error) (sent int64, handled bool, err error) {
	return 0, false, nil
}
