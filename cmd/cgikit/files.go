package main

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cgikit/cgikit/gateway/httpapp"
)

// serveFolder returns a handler of the files below root. Where the web server has split the path, SCRIPT_NAME is not part of a file's name;
// where it has not, as nginx without configuration for it, SCRIPT_NAME is the whole path and must stay.
func serveFolder(root *os.Root) http.Handler {
	files := http.FileServer(folder{root})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		script := strings.TrimRight(httpapp.Environ(r).Get("SCRIPT_NAME"), "/")
		info, split := httpapp.Environ(r).Lookup("PATH_INFO")
		switch {
		case info != "":
			http.StripPrefix(script, files).ServeHTTP(w, r)
		case split && script != "": // the mount itself, as a folder without its slash
			http.Redirect(w, r, (&url.URL{Path: script + "/", RawQuery: r.URL.RawQuery}).String(), http.StatusMovedPermanently)
		default:
			files.ServeHTTP(w, r)
		}
	})
}

// folder is an http.FileSystem that nothing leads out of: no dots, no hidden file, and no symbolic link. It is not root.FS: the files of that are wrapped, and
// would not go by sendfile(2).
type folder struct{ root *os.Root }

// Open implements http.FileSystem.
func (d folder) Open(name string) (http.File, error) {
	local := strings.Trim(name, "/")
	if hidden(local) {
		return nil, fs.ErrNotExist
	}
	if local == "" {
		local = "."
	}
	f, err := d.root.Open(filepath.FromSlash(local))
	switch {
	case err == nil:
		return listed(f)
	case errors.Is(err, fs.ErrPermission), isShortage(err):
		return nil, err
	}
	return nil, fs.ErrNotExist // also a link out of the folder, and a name that no file can have: for the client there is nothing
}

// listed returns f, and where it is a folder one that lists no hidden names. A file stays an *os.File, for sendfile(2).
func listed(f *os.File) (http.File, error) {
	info, err := f.Stat()
	if err != nil || !info.IsDir() {
		return f, err
	}
	return visible{f}, nil
}

type visible struct{ *os.File }

func (v visible) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := v.File.ReadDir(n)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return hidden(e.Name()) }), err
}

// hidden tells the names that are not for visitors, such as .git and .htpasswd. What RFC 8615 has set aside is.
func hidden(local string) bool {
	for name := range strings.SplitSeq(local, "/") {
		if strings.HasPrefix(name, ".") && name != ".well-known" {
			return true
		}
	}
	return false
}

// isShortage tells what the system lacks at the moment from what is not there.
func isShortage(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EIO)
}
