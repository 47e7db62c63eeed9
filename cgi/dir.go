package cgi

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// Dir is the gateway.Backend of a folder of scripts. It is safe for concurrent use; its fields must
// not change while it is used, and it must not be copied once it was. With a FastCGI server it does
// what fcgiwrap does, for web servers that run no scripts themselves, such as nginx:
//
//	scripts := &cgi.Dir{
//		Path:   "/usr/lib/cgi-bin",
//		Script: cgi.Script{RequestTimeout: time.Minute, MaxScripts: 16},
//	}
//	defer scripts.Close()
//	err := fastcgi.ListenAndServe("fastcgi+unix:/run/cgi.sock?mode=0660", gateway.Forward(scripts))
//
// A script that fails, hangs, floods or does not end costs its own request only: see [Script].
// Close stops the scripts that still run when the server has ended.
//
// # Which script
//
// Over HTTP (see gateway.Request.EscapedPath) the path below SCRIPT_NAME is a path in the folder,
// up to the first file. It is brought into normal form first, and a slash that the client encoded
// there is part of a name, which no file has; see exchange.Target. What follows the script is
// PATH_INFO.
//
// The variables of a web server tell the script by the first of these that is in the folder:
//
//   - SCRIPT_FILENAME, the absolute path of a file. Apache's proxy:fcgi://HOST before it is taken
//     off.
//   - DOCUMENT_ROOT with SCRIPT_NAME and PATH_INFO, which is where fcgiwrap looks.
//   - The path below the address that Apache's ProxyPass has, if SCRIPT_FILENAME tells it.
//   - SCRIPT_NAME with PATH_INFO, as a path in the folder.
//   - PATH_INFO alone, as a path in the folder: SCRIPT_NAME is then the path at which the folder is
//     mounted.
//
// If SCRIPT_FILENAME names something in the folder that is missing, only the second is tried.
// nginx's stock scgi_params have neither SCRIPT_NAME nor PATH_INFO; see exchange.Complete.
//
// SCRIPT_NAME and PATH_INFO become the two parts of their common path, before and after the end of
// the script's name. SCRIPT_FILENAME is set, and PATH_TRANSLATED, which belongs to PATH_INFO, is
// set anew or taken away (RFC 3875 section 4.1.6). Where SCRIPT_FILENAME is exactly a script, the
// other variables stay as they are.
//
// By PATH_INFO alone, several paths lead to one script: /a/show and /b/show to show. A web server
// that protects single scripts by their paths must send SCRIPT_FILENAME, or set SCRIPT_NAME itself.
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
		found, err = find(f, r)
		return err
	})
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return refused.answer(r)
	}
	if bad := (*gateway.RequestError)(nil); errors.As(err, &bad) {
		return nil, err
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
