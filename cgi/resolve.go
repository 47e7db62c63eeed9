package cgi

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// pathBelow returns the part of an absolute path below the folder, by the folder's path as given or
// with its links resolved. rest is "" or begins with a slash.
func pathBelow(f *exchange.Folder, path string) (rest string, ok bool) {
	if rest, ok := cutFolder(path, f.Path()); ok {
		return rest, true
	}
	return cutFolder(path, f.Real())
}

func cutFolder(path, root string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(filepath.ToSlash(path), strings.TrimSuffix(filepath.ToSlash(root), "/"))
	return rest, ok && (rest == "" || rest[0] == '/')
}

// resolve resolves rest up to the first file, and returns the path of that file and the part of
// rest after it. The error is a refusal if the file must not be run.
func resolve(f *exchange.Folder, rest string) (path, left string, err error) {
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

// refuse returns the refusal of a path that leads to no file. It returns err itself for a failure
// that the request has not caused, such as a shortage of the system.
func refuse(path string, err error) error {
	link := (*exchange.LinkError)(nil)
	switch {
	case errors.As(err, &link) && errors.Is(err, syscall.ELOOP):
		return notFound(path, "cannot be reached: "+link.Error())
	case errors.As(err, &link):
		return forbidden(path, "cannot be reached: "+link.Error())
	case errors.Is(err, fs.ErrPermission):
		return forbidden(path, "cannot be read")
	case errors.Is(err, fs.ErrNotExist):
		return notFound(path, "does not exist")
	}
	return err
}
