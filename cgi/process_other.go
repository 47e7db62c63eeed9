//go:build !unix

package cgi

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// systemVariable names what programs cannot start without: it is where Windows has its libraries.
const systemVariable = "SystemRoot"

// attributes has nothing to say: there are no process groups.
func attributes(c *Credential) (*syscall.SysProcAttr, error) {
	if c != nil {
		return nil, errors.New("cgi: this system cannot run a script as another user")
	}
	return nil, nil
}

// executable reports whether the name is that of a program. Batch files are none: the system starts
// a shell for them (CVE-2019-0232).
func executable(path string, _ fs.FileMode) bool {
	extension := strings.ToLower(filepath.Ext(path))
	return extension == ".exe" || extension == ".com"
}

// terminate reports that a process cannot be asked to end.
func (c *child) terminate() bool { return false }

// kill ends the script. What it has started goes on.
func (c *child) kill() { c.process.Kill() }

// closeInherited does nothing: a program gets the handles that it is given.
func closeInherited() error { return nil }

// catchIgnored does nothing: there are no signals.
func catchIgnored() {}

// endedByPipe reports false: there are no signals.
func endedByPipe(*os.ProcessState) bool { return false }

// writersGone reports false: it cannot be told here.
func writersGone(*os.File) bool { return false }
