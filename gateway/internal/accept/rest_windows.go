package accept

import "net"

// hasWaiting reports false: package net asks Windows for a connection before it looks at the
// deadline.
func hasWaiting(net.Listener) bool { return false }
