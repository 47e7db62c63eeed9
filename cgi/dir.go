package cgi

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// Dir is the gateway.Backend of a folder of scripts: behind a FastCGI server it does what fcgiwrap
// does. It is safe for concurrent use; its fields must not change while it is used, and it must not
// be copied once it was.
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
// In the last two cases SCRIPT_FILENAME is set, and PATH_TRANSLATED, which belongs to PATH_INFO, is
// set anew or taken away (RFC 3875 section 4.1.6).
//
// # What is no script
//
// A file outside the folder is run only if a symbolic link that Symlinks allows leads to it. A file
// is not run if its path below the folder has a segment that is empty or begins with a dot, except
// ".well-known", or if it is not executable. No file is ever sent as it is. The client gets a 404
// where there is no such file, and a 403 where there is one that must not be run; the reason goes
// to the request's Stderr. fcgiwrap runs any file on the machine, and answers each of these cases
// with a 403.
//
// Links are checked before the script is started by its name: a user who can write to the folder
// can exchange files in between.
//
// A user who can write to the folder, or a client who can choose the variables that a FastCGI or
// SCGI server gets, runs programs as the user of this process. Close the listener to others.
//
// A script runs in its own folder. FCGI_CHDIR names another where it is an absolute path, and where
// it is "-" the one that this process is in, as with fcgiwrap. Script.Dir is stronger than both.
type Dir struct {
	// Path is the folder. It must be set.
	Path string

	// Symlinks says which symbolic links below Path are followed. Zero is exchange.SymlinksOwner:
	// those of root, and those that belong to the owner of what they lead to. Path itself may be a
	// link; it is followed again once a second.
	Symlinks exchange.Symlinks

	// Script is how each script is run. Its Path is not used; MaxScripts bounds the scripts of the
	// folder together.
	Script Script

	once sync.Once
	root exchange.Root
}

// RoundTrip implements gateway.Backend.
func (d *Dir) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	d.once.Do(func() { d.root.Path, d.root.Symlinks = d.Path, d.Symlinks })
	var found *script
	err := d.root.Use(func(f *exchange.Folder) (err error) {
		found, err = find(f, r.Environ)
		return err
	})
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return refused.answer(r)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	c := *r
	c.Environ = found.environ
	return d.Script.run(&c, found.path, d.folder(r.Environ))
}

// unreadable is the failure to look into the folder.
func unreadable(err error) error {
	status := 502
	if isShortage(err) {
		status = 503
	}
	return &gateway.BackendError{Status: status, Reason: "the folder of scripts cannot be read", Err: err}
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
func find(f *exchange.Folder, e *util.Environ) (*script, error) {
	if name := e.Get("SCRIPT_FILENAME"); name != "" {
		return named(f, e, name)
	}
	if rest, ok := within(f, e.Get("DOCUMENT_ROOT")+e.Get("SCRIPT_NAME")); ok && e.Get("DOCUMENT_ROOT") != "" {
		return below(f, e, rest)
	}
	return mounted(f, e)
}
