package cgi

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// within returns the rest of an absolute path after that of the folder, or after the folder's path
// without symbolic links: "" or with a slash first.
func within(f *exchange.Folder, path string) (rest string, ok bool) {
	if rest, ok := cutFolder(path, f.Path()); ok {
		return rest, true
	}
	return cutFolder(path, f.Real())
}

func cutFolder(path, root string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(filepath.ToSlash(path), strings.TrimSuffix(filepath.ToSlash(root), "/"))
	return rest, ok && (rest == "" || rest[0] == '/')
}

// walk follows the segments of rest to the first file, and returns its path and what is left of
// rest. Only a script passes.
func walk(f *exchange.Folder, rest string) (path, left string, err error) {
	found, err := f.Find(rest)
	if err != nil {
		return "", "", refuse(f.Path()+rest, err)
	}
	switch {
	case found.Mode.IsDir():
		err = isFolder(found.Path)
	case !found.Mode.IsRegular() || !executable(found.Path, found.Mode):
		err = forbidden(found.Path, "is not executable")
	}
	return found.Path, found.Rest, err
}

// refuse returns the answer for a path that leads to nothing. A system that lacks a resource is not
// the request's fault.
func refuse(path string, err error) error {
	link := (*exchange.LinkError)(nil)
	switch {
	case errors.As(err, &link) && errors.Is(err, syscall.ELOOP):
		return notFound(path, "cannot be reached: "+link.Error())
	case errors.As(err, &link):
		return forbidden(path, "cannot be reached: "+link.Error())
	case errors.Is(err, fs.ErrPermission):
		return forbidden(path, "may not be looked at")
	case errors.Is(err, fs.ErrNotExist):
		return notFound(path, "is not there")
	}
	return err
}
