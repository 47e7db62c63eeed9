package transport

// Quiet reports true: x/sys has no recvfrom for Windows. There it shows when the connection is
// used.
func (s *Socket) Quiet() bool { return true }
