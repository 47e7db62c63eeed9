// Package captures reads the environs that real web servers have sent, for tests that must not
// depend on what somebody believes a server sends. Only tests of packages below gateway use it.
//
// A capture is a file of testdata/environ, named by server and protocol: what one server, in one
// configuration of testdata/conf, sent for a few fixed requests. It is a header of "key: value"
// lines (server, configuration, mount and stock) and then, for each request, a blank line, the line
// "request: METHOD TARGET" and the variables as NAME=value, in the order and as often as they came,
// before any rule of this module was applied to them. No value has a line end in it.
//
// The files are written from the running servers by
//
//	go test ./gateway/internal/captures -update
//
// and never by hand. Without -update the same test compares what the servers on this machine send
// with the files, so that a server that changes its mind is seen. What differs from run to run is
// masked for that, by the rules of a list in the test; the files have the real values.
//
// The files launch-*.txt beside them are another matter: what a program finds when it is started,
// for package launch.
package captures
