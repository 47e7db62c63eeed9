package cgi

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Dir is the gateway.Backend of a folder of scripts: behind a FastCGI server it does what fcgiwrap does. It is safe for concurrent
// use; its fields must not change while it is used, and it must not be copied once it was.
//
// # Which script
//
// The first of these that the environ has tells the script:
//
//   - SCRIPT_FILENAME, the absolute path of its file. PATH_INFO stays as it is.
//   - DOCUMENT_ROOT and SCRIPT_NAME, where the one followed by the other leads into the folder. The path is walked to the first file; what is
//     left of SCRIPT_NAME there is moved to the front of PATH_INFO.
//   - PATH_INFO, whose first segments are a path in the folder, up to the first file. They are moved to the end of SCRIPT_NAME.
//
// In the last two cases SCRIPT_FILENAME is set, and PATH_TRANSLATED, which belongs to PATH_INFO, is set anew or taken away
// (RFC 3875 section 4.1.6).
//
// # What is no script
//
// Nothing outside the folder is run: symbolic links are followed, and must lead to a file within it. Nor is a file whose path below
// the folder has a segment that begins with a dot, is empty, or is no valid UTF-8, nor one that is not executable; none is ever sent as
// it is. The client gets a 404 where there is no such file, and a 403 where there is one that must not be run; the request's
// Stderr is told which. What is different from fcgiwrap: that runs any file on the machine, and answers each of these cases with a 403.
//
// Whoever can write to the folder, or can choose the variables a FastCGI or SCGI server gets, runs programs as the user of this
// process: the listener must be closed to others.
//
// A script runs in its own folder. FCGI_CHDIR names another where it is an absolute path, and where it is "-" the one that this
// process is in, as with fcgiwrap. Script.Dir is stronger than both.
type Dir struct {
	// Path is the folder. It must be set.
	Path string

	// Script is how each script is run. Its Path is not used; MaxScripts bounds the scripts of the folder together.
	Script Script
}

// RoundTrip implements gateway.Backend.
func (d *Dir) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	found, err := d.find(r.Environ)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return refused.answer(r)
	}
	if err != nil {
		return nil, &gateway.BackendError{Status: 502, Reason: "the folder of scripts cannot be read", Err: err}
	}
	c := *r
	c.Environ = found.environ
	return d.Script.run(&c, found.path, d.folder(r.Environ))
}

// folder is where a script is to run, "" for the folder that it is in.
func (d *Dir) folder(e *util.Environ) string {
	asked := e.Get("FCGI_CHDIR")
	switch {
	case d.Script.Dir != "":
		return d.Script.Dir
	case asked == "-":
		return "."
	case filepath.IsAbs(asked):
		return asked
	}
	return ""
}

// script is what a request is to be answered by.
type script struct {
	path    string // absolute
	environ *util.Environ
}

// find goes by what the environ has. Its error is a refusal where the request is to blame.
func (d *Dir) find(e *util.Environ) (*script, error) {
	root, err := filepath.Abs(d.Path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(root); err != nil {
		return nil, err
	}
	f := folder(root)
	if name := e.Get("SCRIPT_FILENAME"); name != "" {
		return f.named(e, name)
	}
	if rest, ok := f.within(e.Get("DOCUMENT_ROOT") + e.Get("SCRIPT_NAME")); ok && e.Get("DOCUMENT_ROOT") != "" {
		return f.below(e, rest)
	}
	return f.mounted(e)
}
