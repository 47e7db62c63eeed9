// Command cgikit-ping tells whether a FastCGI, SCGI or CGI application is healthy. It is "cgikit
// ping" in a program of its own, which is small and starts fast: a container runs it every few
// seconds.
//
//	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" ./cmd/cgikit-ping
//	cgikit-ping fastcgi://127.0.0.1:9000
//
// "cgikit-ping --help" has the flags and examples. The exit status is 0 for a healthy application,
// 1 for any other, and 2 for a mistake in the command line.
package main
