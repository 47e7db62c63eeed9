package cgi

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/child"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// Dir is a gateway.Backend that runs the scripts of a folder. It is safe for concurrent use. Its
// fields must not change while it is used, and it must not be copied after its first use. With a
// FastCGI server it replaces fcgiwrap, for web servers such as nginx that cannot run scripts
// themselves (see [Named] for scripts of several folders):
//
//	scripts := &cgi.Dir{
//		Path:   "/usr/lib/cgi-bin",
//		Script: cgi.Script{RequestTimeout: time.Minute, MaxScripts: 16},
//	}
//	defer scripts.Close()
//	err := fastcgi.ListenAndServe("fastcgi+unix:/run/cgi.sock?mode=0660", gateway.Forward(scripts))
//
// A script that fails, hangs, sends too much or does not end affects only its own request: see
// [Script]. Close stops the scripts that still run after the server has ended.
//
// # How the script is found
//
// For a request over HTTP (see gateway.Request.EscapedPath), the path below SCRIPT_NAME is resolved
// in the folder, up to the first file. The path is normalised first. A slash that the client has
// encoded belongs to a name, and no file has such a name; see exchange.Target. The path after the
// script is PATH_INFO.
//
// For the variables of a web server, the script is the first of these paths that is in the folder:
//
//   - SCRIPT_FILENAME, the absolute path of a file. A prefix proxy:fcgi://HOST, which Apache sends,
//     is removed first.
//   - DOCUMENT_ROOT with SCRIPT_NAME and PATH_INFO, as fcgiwrap does it.
//   - The path below the address of Apache's ProxyPass, if SCRIPT_FILENAME has it.
//   - SCRIPT_NAME with PATH_INFO, as a path in the folder.
//   - PATH_INFO alone, as a path in the folder: SCRIPT_NAME is then the path at which the folder is
//     mounted.
//
// If SCRIPT_FILENAME is in the folder but does not exist, only the second is tried. The scgi_params
// of nginx have neither SCRIPT_NAME nor PATH_INFO; see exchange.Complete.
//
// The common path of SCRIPT_NAME and PATH_INFO is split again at the end of the script's name.
// SCRIPT_FILENAME is set. PATH_TRANSLATED, which depends on PATH_INFO, is set again or removed (RFC
// 3875 section 4.1.6). If SCRIPT_FILENAME is exactly the path of a script, the other variables stay
// as they are.
//
// If the script is found by PATH_INFO alone, several paths lead to one script: /a/show and /b/show
// to show. A web server that protects single scripts by their paths must send SCRIPT_FILENAME, or
// set SCRIPT_NAME itself.
//
// # Which files are not run
//
// A file outside the folder is run only if a symbolic link that Symlinks allows leads to it. A file
// is not run if its path below the folder has a segment that is empty or begins with a dot, except
// ".well-known", or if it is not executable. The content of a file is never sent. The client gets a
// 404 if the file does not exist, and a 403 if it must not be run. The reason is written to the
// request's Stderr. fcgiwrap runs any file on the machine, and answers each of these cases with a
// 403.
//
// Links are checked before the script is started by its name. A user who can write to the folder
// can exchange files in between.
//
// Any user who can write to the folder, and any client that can choose the variables of a FastCGI
// or SCGI request, can run programs as the user of this process. Restrict access to the folder and
// to the listener.
//
// A script runs in its own folder. If FCGI_CHDIR is an absolute path, the script runs there. If it
// is "-", the script runs in the folder of this process, as with fcgiwrap. Script.Dir overrides
// both.
type Dir struct {
	// Path is the folder. It must be set.
	Path string

	// Symlinks selects which symbolic links below Path are followed. Zero is
	// exchange.SymlinksOwner: links of root, and links with the same owner as their target. Path
	// itself may be a link; it is resolved again once a second.
	Symlinks exchange.Symlinks

	// Script has the settings for each script. Its Path is not used. MaxScripts bounds the scripts
	// of the folder together.
	Script Script

	once sync.Once
	root exchange.Root
}

// RoundTrip implements gateway.Backend.
func (d *Dir) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	var found *script
	err := d.folder().Use(func(f *exchange.Folder) (err error) {
		found, err = find(f, r)
		return err
	})
	return d.Script.runFound(r, found, err)
}

// runFound runs the script that was found for r, or answers with err.
func (s *Script) runFound(r *gateway.Request, found *script, err error) (*gateway.Response, error) {
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return refused.respond(r)
	}
	if bad := (*gateway.RequestError)(nil); errors.As(err, &bad) {
		return nil, err
	}
	if err != nil {
		return nil, unreadable(err)
	}
	c := *r
	c.Environ = found.environ
	return s.run(&c, found.path, s.workDir(r.Environ))
}

// unreadable returns the error for a folder that cannot be read.
func unreadable(err error) error {
	status := 502
	if child.IsShortage(err) {
		status = 503
	}
	return &gateway.BackendError{Status: status, Reason: "the folder of scripts cannot be read", Err: err}
}

// workDir returns the folder in which a script runs, or "" for its own folder.
func (s *Script) workDir(e *util.Environ) string {
	asked := e.Get("FCGI_CHDIR")
	switch {
	case s.Dir != "":
		return s.Dir
	case asked == "-":
		return "."
	case filepath.IsAbs(asked):
		return asked
	}
	return ""
}
