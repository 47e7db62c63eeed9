package cgi

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// folder is the absolute path of the folder of scripts. Symbolic links may lead to it.
type folder string

// named finds the script by SCRIPT_FILENAME.
func (f folder) named(e *util.Environ, name string) (*script, error) {
	rest, ok := f.within(name)
	if !ok {
		return nil, forbidden(name, "is outside the folder")
	}
	path, left, err := f.walk(rest)
	if err == nil && left != "" {
		err = notFound(name, "is below a file")
	}
	return &script{path, e}, err
}

// below finds the script by DOCUMENT_ROOT and SCRIPT_NAME, of which rest is what leads on from the folder.
func (f folder) below(e *util.Environ, rest string) (*script, error) {
	path, left, err := f.walk(rest)
	if err != nil {
		return nil, err
	}
	e = e.Clone()
	e.Set("SCRIPT_NAME", strings.TrimSuffix(e.Get("SCRIPT_NAME"), left))
	return split(e, path, left+e.Get("PATH_INFO")), nil
}

// mounted finds the script by PATH_INFO.
func (f folder) mounted(e *util.Environ) (*script, error) {
	info := e.Get("PATH_INFO")
	path, left, err := f.walk(info)
	if err != nil {
		return nil, err
	}
	e = e.Clone()
	e.Set("SCRIPT_NAME", strings.TrimSuffix(e.Get("SCRIPT_NAME"), "/")+strings.TrimSuffix(info, left))
	return split(e, path, left), nil
}

// split writes down where the script's path ends.
func split(e *util.Environ, path, info string) *script {
	e.Set("SCRIPT_FILENAME", path)
	e.Set("PATH_INFO", info)
	e.Del("PATH_TRANSLATED")
	if root := e.Get("DOCUMENT_ROOT"); root != "" && info != "" {
		e.Set("PATH_TRANSLATED", strings.TrimSuffix(root, "/")+info)
	}
	return &script{path, e}
}

// within returns what of an absolute path leads on from the folder: "" or with a slash first. The folder has another name without
// symbolic links, which is only looked up where the path does not begin with the one.
func (f folder) within(path string) (rest string, ok bool) {
	if rest, ok := cutFolder(path, string(f)); ok {
		return rest, true
	}
	real, err := filepath.EvalSymlinks(string(f))
	if err != nil {
		return "", false
	}
	return cutFolder(path, real)
}

func cutFolder(path, root string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(filepath.ToSlash(path), strings.TrimSuffix(filepath.ToSlash(root), "/"))
	return rest, ok && (rest == "" || rest[0] == '/')
}

// walk follows the segments of rest to the first file, and returns its path and what is left of rest. A folder's name costs one look, and the
// first that is not there ends it.
func (f folder) walk(rest string) (path, left string, err error) {
	asked, linked := rest, false
	path = string(f)
	for rest != "" {
		segment, more, ok := cutSegment(rest)
		if !ok {
			return "", "", notFound(asked, "has a segment that no script has")
		}
		path, rest = filepath.Join(path, segment), more
		info, err := os.Lstat(path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			linked = true
			info, err = os.Stat(path)
		}
		switch {
		case errors.Is(err, fs.ErrPermission):
			return "", "", forbidden(path, "may not be looked at")
		case err != nil:
			return "", "", notFound(path, "is not there")
		case !info.IsDir():
			return path, rest, f.check(path, info, linked)
		}
	}
	return "", "", forbidden(path, "is a folder")
}

// cutSegment takes "/segment" off the front of a path. Dots at its front would lead elsewhere, or to what is not for visitors, such as .git
// with its hooks; Localize refuses what means more than a name to the system.
func cutSegment(path string) (segment, rest string, ok bool) {
	path, slash := strings.CutPrefix(path, "/")
	segment = path
	if i := strings.IndexByte(path, '/'); i >= 0 {
		segment, rest = path[:i], path[i:]
	}
	if !slash || segment == "" || segment[0] == '.' {
		return "", "", false
	}
	local, err := filepath.Localize(segment)
	return local, rest, err == nil
}

// check lets a file pass that may be run. Where a link led to it, it may be anywhere.
func (f folder) check(path string, info fs.FileInfo, linked bool) error {
	if linked {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return notFound(path, "is not there")
		}
		root, err := filepath.EvalSymlinks(string(f))
		if _, ok := cutFolder(real, root); err != nil || !ok {
			return forbidden(path, "leads out of the folder")
		}
		path = real
	}
	if !info.Mode().IsRegular() || !executable(path, info) {
		return forbidden(path, "is not executable")
	}
	return nil
}
