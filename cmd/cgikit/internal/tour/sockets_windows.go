package tour

// socketAddr returns a free port of the loopback interface: not every Windows has unix sockets.
func socketAddr(_, _ string) string { return "127.0.0.1:0" }
