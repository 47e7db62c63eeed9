// Package load sends one request again and again, on as many connections as it is told, and counts
// what comes back: the work of "cgikit bench", and of the benchmarks of this module.
//
//	p := &load.Plan{
//		Network: "unix", Addr: "/run/app.sock",
//		Requests: [][]byte{request}, // its bytes, encoded once
//		Decoder:  func() load.Decoder { return load.NewFastCGI(1) },
//		Conns:    50, Span: 10 * time.Second, Timeout: 10 * time.Second,
//	}
//	result, err := p.Run(ctx)
//
// One goroutine does all the work: loop.go begins requests and counts responses, conn.go and
// stream.go have the state. Below it a network makes the connections: epoll on Linux
// (net_linux.go), package net elsewhere and for CGI scripts (netconn.go). The decoders understand
// only as much of a protocol as finds the end of a response and says whether it is right:
// fastcgi.go, closed.go for SCGI, http.go.
package load
