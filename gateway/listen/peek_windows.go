package listen

import "net"

// peek reads ahead: x/sys has no recvfrom for Windows, and sendfile(2), for which the connection
// would have to stay the concrete one, is used on unix only.
func peek(c net.Conn) (net.Conn, byte, error) { return readAhead(c) }
