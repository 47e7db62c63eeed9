//go:build !linux

package server

import "net"

// writeMore writes bytes that others follow at once. Only Linux can be told so.
func writeMore(c net.Conn, p []byte) error {
	_, err := c.Write(p)
	return err
}
