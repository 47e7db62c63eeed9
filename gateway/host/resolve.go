package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// Errors of [Scripts.Resolve], besides the [*gateway.RequestError] of a path that nobody should have sent.
var (
	// ErrNotFound says that the path names nothing that could answer: 404.
	ErrNotFound = errors.New("host: the path names nothing")

	// ErrNotScript says that the path names a file below Root that is no script. It may be served as it is.
	ErrNotScript = errors.New("host: the path names a file that is no script")

	// ErrFolder says that the path names a folder with an index, and lacks the slash at its end: without it, links in the index
	// would lead elsewhere.
	ErrFolder = errors.New("host: the path names a folder and has no slash at its end")
)

// Scripts finds the script that a path names, in a folder of scripts and other files. Mistakes here have let clients run files that
// they had uploaded (CVE-2019-11043, CVE-2026-27590, CVE-2026-45135), so it is narrow:
//
//   - A segment of the path that ends in one of the extensions names a script, if it is a regular file; the rest of the path is
//     PATH_INFO. Of several the first counts, and a folder of such a name is passed through. Extensions are compared byte by byte,
//     without regard to the case of ASCII letters, and nothing else is folded. A segment that is all extension names none.
//   - The file must be below Root when symbolic links have been followed, whichever of them leads where.
//   - A path that ends in a slash, and names a folder, is answered by the first file of Index in it.
//   - Where nothing is, Fallback answers. A missing script stays missing.
//   - Control characters and the segments "." and ".." are refused.
//
// The file may change between this look at it and the backend's: who can write below Root runs what they like anyway.
type Scripts struct {
	Root      string   // the folder, an absolute path; it may be a symbolic link
	SplitPath []string // extensions, such as ".php"
	Index     []string // names of files that answer for their folder; one that has no such extension is a file, not a script
	Fallback  string   // a path below Root, such as "/index.php"; empty is none
}

// Script is where a path led.
type Script struct {
	Name     string // the part of the path that names it, such as "/blog/index.php"
	PathInfo string // the rest: empty, or with a slash at its beginning
	Filename string // the file, below Root, with links as they are
}

// Resolve finds the script that path names. path is decoded, and begins with a slash: what a client wrote as %2F would be a slash
// like others here, so a caller refuses it before.
func (s *Scripts) Resolve(name string) (Script, error) {
	if err := checkPath(name); err != nil {
		return Script{}, err
	}
	root, err := filepath.EvalSymlinks(s.Root)
	if err != nil {
		return Script{}, &gateway.BackendError{Status: 502, Reason: "the site cannot be found", Err: err}
	}
	for end := range segmentEnds(name) {
		if !s.isScript(name[:end]) {
			continue
		}
		switch s.look(root, name[:end]) {
		case file:
			return s.script(name[:end], name[end:]), nil
		case nothing:
			return Script{}, ErrNotFound
		}
	}
	return s.resolvePlain(root, name)
}

// resolvePlain finds what answers for a path that names no script.
func (s *Scripts) resolvePlain(root, name string) (Script, error) {
	bare := strings.TrimSuffix(name, "/")
	slash := bare != name
	switch s.look(root, bare) {
	case folder:
		index := s.index(root, bare)
		switch {
		case index == "":
		case !slash:
			return Script{}, ErrFolder
		case !s.isScript(index):
			return Script{}, ErrNotScript
		default:
			return s.script(index, ""), nil
		}
	case file:
		if slash || s.isDisguised(bare) {
			return Script{}, ErrNotFound
		}
		return Script{}, ErrNotScript
	}
	if s.Fallback == "" || s.look(root, s.Fallback) != file {
		return Script{}, ErrNotFound
	}
	return s.script(s.Fallback, ""), nil
}

// index returns the path of the folder's index, "" if there is none.
func (s *Scripts) index(root, dir string) string {
	for _, name := range s.Index {
		if name = dir + "/" + name; s.look(root, name) == file {
			return name
		}
	}
	return ""
}

func (s *Scripts) script(name, info string) Script {
	return Script{Name: name, PathInfo: info, Filename: filepath.Join(s.Root, filepath.FromSlash(name))}
}

// isScript reports whether the last segment of name has one of the extensions behind something else. What is compared has as many
// bytes as the extension, all of which are ASCII, so no other letter can fold to one of them. Lower-casing the path has been a way
// around this (CVE-2026-27590, CVE-2026-45135).
func (s *Scripts) isScript(name string) bool {
	base := lastSegment(name)
	for _, extension := range s.SplitPath {
		if n := len(base) - len(extension); n > 0 && strings.EqualFold(base[n:], extension) {
			return true
		}
	}
	return false
}

// isDisguised reports whether name is one by which some systems open a script: Windows drops dots and spaces at the end, and has
// the text of a file under its name and "::$DATA". Served as a plain file it would be a script's source.
func (s *Scripts) isDisguised(name string) bool {
	base, _, _ := strings.Cut(lastSegment(name), ":")
	base = strings.TrimRight(base, ". ")
	return base != lastSegment(name) && s.isScript("/"+base)
}

// lastSegment is empty for a path that ends in a slash.
func lastSegment(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// kind is what a path leads to.
type kind int

const (
	nothing kind = iota // also a device, and a file outside the root
	file
	folder
)

// look follows name below root, which has no symbolic link in it.
func (s *Scripts) look(root, name string) kind {
	real := root
	if name != "" {
		local, err := filepath.Localize(strings.TrimPrefix(name, "/"))
		if err != nil {
			return nothing // an empty segment, or a name that no file can have
		}
		if real, err = filepath.EvalSymlinks(filepath.Join(root, local)); err != nil || !isBelow(real, root) {
			return nothing
		}
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return nothing
	case info.Mode().IsRegular():
		return file
	case info.IsDir():
		return folder
	}
	return nothing
}

// isBelow compares with the separator behind root: /srv/www-private is not below /srv/www.
func isBelow(name, root string) bool {
	root = strings.TrimSuffix(root, string(filepath.Separator)) + string(filepath.Separator)
	return name+string(filepath.Separator) == root || strings.HasPrefix(name, root)
}

// segmentEnds ranges over the indexes behind each segment of path.
func segmentEnds(path string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := 1; i <= len(path); i++ {
			if (i == len(path) || path[i] == '/') && !yield(i) {
				return
			}
		}
	}
}

// checkPath refuses what no honest client sends.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return &gateway.RequestError{Reason: "path without a slash at its beginning", Input: cut(path)}
	}
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return &gateway.RequestError{Reason: "control character in the path", Input: cut(path)}
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return &gateway.RequestError{Reason: "dot segment in the path", Input: cut(path)}
		}
	}
	return nil
}
