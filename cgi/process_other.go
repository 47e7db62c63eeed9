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

// systemVariable names a variable that every program needs to start: Windows finds its libraries by
// it.
const systemVariable = "SystemRoot"

// attributes returns nil: the system has no process groups.
func attributes(c *Credential) (*syscall.SysProcAttr, error) {
	if c != nil {
		return nil, errors.New("cgi: this system cannot run a script as another user")
	}
	return nil, nil
}

// executable reports whether the file is a program, by its name. Batch files do not count as
// programs, because the system starts a shell for them (CVE-2019-0232).
func executable(path string, _ fs.FileMode) bool {
	extension := strings.ToLower(filepath.Ext(path))
	return extension == ".exe" || extension == ".com"
}

// terminate reports false: the system has no SIGTERM.
func (c *child) terminate() bool { return false }

// kill ends the script, but not the processes that it has started.
func (c *child) kill() { c.process.Kill() }

// closeInherited does nothing: a program inherits only the handles that are passed to it.
func closeInherited() error { return nil }

// catchIgnored does nothing: the system has no signals.
func catchIgnored() {}

// killedByPipe reports false: the system has no signals.
func killedByPipe(*os.ProcessState) bool { return false }

// writersGone reports false: the system does not tell it.
func writersGone(*os.File) bool { return false }
