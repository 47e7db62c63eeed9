package cgi

import (
	"os"
	"sync"

	"github.com/cgikit/cgikit/gateway"
)

// The file descriptors that RFC 3875 section 4.2 and 6 speak of. os.Stdout and os.Stderr are
// variables that a program may point elsewhere.
const (
	stdoutNumber = 1
	stderrNumber = 2
)

// errorStream is the script's standard error, claimed when something is written to it, which is
// seldom.
type errorStream struct {
	claimed sync.Once
	file    *os.File
	err     error
}

func (e *errorStream) Write(p []byte) (int, error) {
	e.claimed.Do(func() { e.file, e.err = claim(stderrNumber, os.Stderr) })
	if e.err != nil {
		return 0, e.err
	}
	return e.file.Write(p)
}

// output is the script's standard output. Each of its methods first takes the request body off the
// web server's hands.
type output struct {
	file *os.File
	in   *input
	lost error // the first error of file
}

func (o *output) Write(p []byte) (int, error) {
	o.in.settle()
	n, err := o.file.Write(p)
	return n, o.keep(err)
}

// SendFile implements gateway.FileSender: sendfile(2) to a pipe (mod_cgi, lighttpd), to a socket
// (mod_cgid) and to a file.
func (o *output) SendFile(f gateway.File, n int64) (int64, error) {
	o.in.settle()
	sent, err := gateway.SendFile(o.file, f, n, nil)
	if gateway.PeerGone(err) { // another error may be that of f
		o.keep(err)
	}
	return sent, err
}

func (o *output) keep(err error) error {
	if o.lost == nil {
		o.lost = err
	}
	return err
}
