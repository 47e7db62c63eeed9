package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Errors of [Scripts.Resolve], besides the [*gateway.RequestError] for a malformed path.
var (
	// ErrNotFound means that no script or file answers for the path: 404.
	ErrNotFound = errors.New("host: there is no file at the path")

	// ErrNotScript means that the path names a file below Root that is not a script. It may be sent
	// as a static file.
	ErrNotScript = errors.New("host: the path names a file that is not a script")

	// ErrFolder means that the path names a folder with an index, but has no slash at its end.
	// Without the slash, relative links in the index would lead elsewhere.
	ErrFolder = errors.New("host: the path names a folder and has no slash at its end")
)

// Scripts finds the script that a path names, in a folder of scripts and other files. Mistakes in
// this have let clients run files that they had uploaded (CVE-2019-11043, CVE-2026-27590,
// CVE-2026-45135), so the rules are strict:
//
//   - A segment of the path that ends in one of the extensions names a script, if it is a regular
//     file. The rest of the path is PATH_INFO. The first such segment counts; one that is a folder
//     is skipped. Extensions are compared byte by byte, ignoring the case of ASCII letters only. A
//     segment that is only an extension names no script.
//   - A segment that begins with a dot names no file, except .well-known.
//   - Symbolic links are followed as Symlinks says.
//   - A path that names a folder and ends in a slash leads to the first file of Index in it.
//   - A path at which there is no file leads to Fallback, but a missing script is a 404. A Fallback
//     that is not a script is sent as a file.
//   - Control characters and the segments "." and ".." are refused.
//
// The backend opens the file later, by its name. A user who can write below Root can replace the
// file in between.
type Scripts struct {
	Root      string            // the folder, an absolute path; it may be a symbolic link
	Symlinks  exchange.Symlinks // which links are followed below Root; zero means exchange.SymlinksOwner
	SplitPath []string          // extensions, such as ".php"
	Index     []string          // names of files that are used for their folder, scripts or not
	Fallback  string            // a path below Root, such as "/index.php"; empty means none
}

// Script is the result of Scripts.Resolve.
type Script struct {
	Name     string // the part of the path that names the script, such as "/blog/index.php"
	PathInfo string // the rest of the path: empty, or with a slash at its beginning
	Filename string // the path of the file below Root, in which links are not resolved

	root string // Root without symbolic links
}

// Resolve finds the script that name leads to. name is a decoded path that begins with a slash. A
// %2F of the client would be a slash like any other here, so a caller must refuse it before. If a
// file exists that cannot be reached, ErrNotFound wraps the reason, such as an
// [*exchange.LinkError].
func (s *Scripts) Resolve(name string) (Script, error) {
	root := &exchange.Root{Path: s.Root, Symlinks: s.Symlinks}
	defer root.Close()
	return s.resolveIn(root, name, name)
}

// resolveIn finds the script below root. name is the part of the path that can name files: the path
// before the first segment with an encoded slash.
func (s *Scripts) resolveIn(root *exchange.Root, name, path string) (found Script, err error) {
	if err := checkPath(path); err != nil {
		return Script{}, err
	}
	var reason error
	err = root.Use(func(f *exchange.Folder) error {
		found, reason = s.resolve(f, name, path)
		found.root = f.Real()
		if errors.Is(reason, ErrNotFound) {
			return fs.ErrNotExist // makes root.Use try again if Root has changed
		}
		return nil
	})
	if missing := (*exchange.RootError)(nil); errors.As(err, &missing) {
		return Script{}, siteError(err)
	}
	return found, reason
}

// siteError returns the error for a Root that cannot be read.
func siteError(err error) error {
	status := 500
	if exchange.IsShortage(err) {
		status = 503
	}
	return &gateway.ServerError{Status: status, Reason: "the folder of the site cannot be read", Err: err}
}

func (s *Scripts) resolve(f *exchange.Folder, name, path string) (Script, error) {
	for end := range segmentEnds(name) {
		if !s.isScript(name[:end]) {
			continue
		}
		switch kind, err := find(f, name[:end]); {
		case err != nil:
			return Script{}, err
		case kind == file:
			return s.newScript(name[:end], name[end:]), nil
		}
	}
	if name != path {
		return s.resolveEncoded(f, path)
	}
	return s.resolvePlain(f, name)
}

// resolveEncoded resolves a path that names no script before an encoded slash. No file is at such a
// path, and the name of a script after the slash does not count.
func (s *Scripts) resolveEncoded(f *exchange.Folder, path string) (Script, error) {
	for end := range segmentEnds(path) {
		if s.isScript(path[:end]) {
			return Script{}, ErrNotFound
		}
	}
	if s.Fallback == "" {
		return Script{}, ErrNotFound
	}
	return s.resolveFallback(f)
}

// resolvePlain resolves a path that names no script.
func (s *Scripts) resolvePlain(f *exchange.Folder, name string) (Script, error) {
	bare := strings.TrimSuffix(name, "/")
	slash := bare != name
	kind, err := find(f, bare)
	switch {
	case exchange.IsHidden(bare):
		return Script{}, ErrNotFound
	case kind == file && (slash || s.isDisguised(bare)):
		return Script{}, ErrNotFound
	case kind == file:
		return Script{}, ErrNotScript
	case kind == folder:
		var index string
		if index, err = s.findIndex(f, bare); err == nil {
			return s.resolveIndex(index, slash)
		}
	}
	if s.Fallback == "" || !isMissing(err) {
		return Script{}, err
	}
	return s.resolveFallback(f)
}

// resolveIndex returns the script or error for a folder that has this index.
func (s *Scripts) resolveIndex(index string, slash bool) (Script, error) {
	switch {
	case !slash:
		return Script{}, ErrFolder
	case !s.isScript(index):
		return Script{}, ErrNotScript
	}
	return s.newScript(index, ""), nil
}

// findIndex returns the path of the folder's index. The error is that of the last name tried.
func (s *Scripts) findIndex(f *exchange.Folder, dir string) (_ string, err error) {
	err = ErrNotFound
	for _, name := range s.Index {
		if err = findFile(f, dir+"/"+name); err == nil {
			return dir + "/" + name, nil
		}
		if !isMissing(err) {
			break
		}
	}
	return "", err
}

// resolveFallback returns the Fallback, for a path at which there is no file.
func (s *Scripts) resolveFallback(f *exchange.Folder) (Script, error) {
	if err := findFile(f, s.Fallback); err != nil {
		return Script{}, err
	}
	if !s.isScript(s.Fallback) {
		return Script{}, &staticFallback{s.Fallback}
	}
	return s.newScript(s.Fallback, ""), nil
}

// staticFallback is ErrNotScript for a Fallback that is sent as a file.
type staticFallback struct{ name string }

func (*staticFallback) Error() string { return ErrNotScript.Error() }

func (*staticFallback) Unwrap() error { return ErrNotScript }

func (s *Scripts) newScript(name, info string) Script {
	return Script{Name: name, PathInfo: info, Filename: filepath.Join(s.Root, filepath.FromSlash(name))}
}

// isScript reports whether the last segment of name has one of the extensions after at least one
// other byte. It compares as many bytes as the extension has, all ASCII, so that no other letter
// can fold to one of them. Code that lower-cased the path could be bypassed (CVE-2026-27590,
// CVE-2026-45135).
func (s *Scripts) isScript(name string) bool {
	base := lastSegment(name)
	for _, extension := range s.SplitPath {
		if n := len(base) - len(extension); n > 0 && strings.EqualFold(base[n:], extension) {
			return true
		}
	}
	return false
}

// isDisguised reports whether some system would open a script under name. Windows ignores dots and
// spaces at the end, and has the content of a file also under its name with "::$DATA". Sent as a
// static file, it would show the source of the script.
func (s *Scripts) isDisguised(name string) bool {
	base, _, _ := strings.Cut(lastSegment(name), ":")
	base = strings.TrimRight(base, ". ")
	return base != lastSegment(name) && s.isScript("/"+base)
}

// lastSegment returns the last segment, which is empty for a path that ends in a slash.
func lastSegment(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// kind is the kind of file at a path.
type kind int

const (
	nothing kind = iota // find has returned an error
	file
	folder
)

// find returns the kind of the file at name below the folder. Its error is ErrNotFound itself if
// there is no file, or a device or the like. It wraps the reason if the path cannot be followed.
func find(f *exchange.Folder, name string) (kind, error) {
	found, err := f.Find(name)
	switch {
	case isLink(err), errors.Is(err, fs.ErrPermission):
		return nothing, fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, fs.ErrNotExist):
		return nothing, ErrNotFound
	case err != nil:
		return nothing, siteError(err)
	case found.Rest == "" && found.Mode.IsRegular():
		return file, nil
	case found.Rest == "" && found.Mode.IsDir():
		return folder, nil
	}
	return nothing, ErrNotFound
}

// findFile returns an error unless name is a regular file.
func findFile(f *exchange.Folder, name string) error {
	kind, err := find(f, name)
	if kind == folder {
		err = ErrNotFound
	}
	return err
}

func isLink(err error) bool {
	link := (*exchange.LinkError)(nil)
	return errors.As(err, &link)
}

// isMissing reports whether the Fallback may be used after an error of find. It may not for a link
// that is not followed.
func isMissing(err error) bool { return errors.Is(err, ErrNotFound) && !isLink(err) }

// segmentEnds ranges over the index after each segment of path.
func segmentEnds(path string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := 1; i <= len(path); i++ {
			if (i == len(path) || path[i] == '/') && !yield(i) {
				return
			}
		}
	}
}

// checkPath refuses a malformed path.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return &gateway.RequestError{Reason: "path without a slash at its beginning", Input: truncate(path)}
	}
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return &gateway.RequestError{Reason: "control character in the path", Input: truncate(path)}
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return &gateway.RequestError{Reason: "dot segment in the path", Input: truncate(path)}
		}
	}
	return nil
}
