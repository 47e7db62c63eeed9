//go:build !unix

package cgi

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// systemVariable names a variable that every program needs to start: Windows finds its libraries by
// it.
const systemVariable = "SystemRoot"

// executable reports whether the file is a program, by its name. Batch files do not count as
// programs, because the system starts a shell for them (CVE-2019-0232).
func executable(path string, _ fs.FileMode) bool {
	extension := strings.ToLower(filepath.Ext(path))
	return extension == ".exe" || extension == ".com"
}

// writersGone reports false: the system does not tell it.
func writersGone(*os.File) bool { return false }
