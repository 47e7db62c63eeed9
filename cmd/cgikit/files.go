package main

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cgikit/cgikit/gateway/httpapp"
)

// serveFolder returns a handler of the files below root. Where the web server has split the path, SCRIPT_NAME is not part of a file's name;
// where it has not, as nginx without configuration for it, SCRIPT_NAME is the whole path and must stay.
func serveFolder(root *os.Root) http.Handler {
	files := http.FileServer(folder{root})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mount := ""
		if e := httpapp.Environ(r); e.Get("PATH_INFO") != "" {
			mount = strings.TrimRight(e.Get("SCRIPT_NAME"), "/")
		}
		http.StripPrefix(mount, files).ServeHTTP(w, r)
	})
}

// folder is an http.FileSystem that nothing leads out of: no dots, and no symbolic link. It is not root.FS: the files of that are wrapped, and
// would not go by sendfile(2).
type folder struct{ root *os.Root }

// Open implements http.FileSystem.
func (d folder) Open(name string) (http.File, error) {
	local := strings.Trim(name, "/")
	if local == "" {
		local = "."
	}
	f, err := d.root.Open(filepath.FromSlash(local))
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, fs.ErrPermission), isShortage(err):
		return nil, err
	}
	return nil, fs.ErrNotExist // also a link out of the folder, and a name that no file can have: for the client there is nothing
}

// isShortage tells what the system lacks at the moment from what is not there.
func isShortage(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EIO)
}
