package listen

import "net"

// peek reads ahead, since x/sys has no recvfrom for Windows. The wrapper costs nothing there:
// sendfile(2), which needs the concrete connection, is used on unix only.
func peek(c net.Conn) (net.Conn, byte, error) { return readAhead(c) }
