package listen

import (
	"errors"
	"net"
)

// peek reads ahead, since x/sys has no recvfrom for Windows. The wrapper costs nothing there:
// sendfile(2), which needs the concrete connection, is used on unix only.
func peek(c net.Conn) (net.Conn, byte, error) { return readAhead(c) }

// peekSome is not possible there.
func peekSome(net.Conn, []byte) (int, error) { return 0, errors.ErrUnsupported }
