package cgi

import (
	"os"
	"sync"

	"github.com/cgikit/cgikit/gateway"
)

// The file descriptors of RFC 3875 sections 4.2 and 6. A program may have assigned other files to
// os.Stdout and os.Stderr.
const (
	stdoutNumber = 1
	stderrNumber = 2
)

// errorStream is the script's standard error. Its descriptor is duplicated at the first write,
// because most scripts write nothing.
type errorStream struct {
	once sync.Once
	file *os.File
	err  error
}

func (e *errorStream) Write(p []byte) (int, error) {
	e.once.Do(func() { e.file, e.err = duplicate(stderrNumber, os.Stderr) })
	if e.err != nil {
		return 0, e.err
	}
	return e.file.Write(p)
}

// output is the script's standard output. Each of its methods first reads the rest of the request
// body, so that the web server does not wait.
type output struct {
	file *os.File
	in   *input
	lost error // the first error of file
}

func (o *output) Write(p []byte) (int, error) {
	o.in.readRest()
	n, err := o.file.Write(p)
	return n, o.noteError(err)
}

// SendFile implements gateway.FileSender: sendfile(2) to a pipe (mod_cgi, lighttpd), to a socket
// (mod_cgid) and to a file.
func (o *output) SendFile(f gateway.File, n int64) (int64, error) {
	o.in.readRest()
	sent, err := gateway.SendFile(o.file, f, n, nil)
	if gateway.PeerGone(err) { // other errors may come from f
		o.noteError(err)
	}
	return sent, err
}

// noteError keeps the first error and returns err.
func (o *output) noteError(err error) error {
	if o.lost == nil {
		o.lost = err
	}
	return err
}
