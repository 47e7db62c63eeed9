// Package captures reads the environs that real web servers have sent, so that tests do not depend
// on assumptions about servers. Only tests of packages below gateway use it.
//
// A capture is a file of testdata/environ, named by server and protocol. It has the variables that
// one server, in one configuration of testdata/conf, sent for a few fixed requests. The file begins
// with a header of "key: value" lines (server, configuration, mount and stock). Each request
// follows as a blank line, the line "request: METHOD TARGET" and the variables as NAME=value, in
// the order in which they arrived, repetitions included, before any rule of this module was
// applied. No value contains a line end.
//
// The files are written from the running servers by
//
//	go test ./gateway/internal/captures -update
//
// and never by hand. Without -update the same test compares the files with the variables that the
// servers on this machine send, and so detects a server that has changed. For the comparison, a
// list of rules in the test masks values that differ in each run; the files have the real values.
//
// The files launch-*.txt in the same folder are not captures. They describe the process state that
// a program finds at its start, for package launch.
package captures
