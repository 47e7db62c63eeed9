package tour

// socketAddr is a free port of the loopback interface: unix sockets are not to be had on every
// Windows.
func socketAddr(_, _ string) string { return "127.0.0.1:0" }
