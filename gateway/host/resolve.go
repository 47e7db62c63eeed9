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

// Errors of [Scripts.Resolve], besides the [*gateway.RequestError] of a path that nobody should
// have sent.
var (
	// ErrNotFound says that the path names nothing that could answer: 404.
	ErrNotFound = errors.New("host: the path names nothing")

	// ErrNotScript says that the path names a file below Root that is no script. It may be served
	// as it is.
	ErrNotScript = errors.New("host: the path names a file that is no script")

	// ErrFolder says that the path names a folder with an index, and lacks the slash at its end:
	// without it, links in the index would lead elsewhere.
	ErrFolder = errors.New("host: the path names a folder and has no slash at its end")
)

// Scripts finds the script that a path names, in a folder of scripts and other files. Mistakes here
// have let clients run files that they had uploaded (CVE-2019-11043, CVE-2026-27590,
// CVE-2026-45135), so it is narrow:
//
//   - A segment of the path that ends in one of the extensions names a script, if it is a regular
//     file; the rest of the path is PATH_INFO. Of several the first counts, and a folder of such a
//     name is passed through. Extensions are compared byte by byte, without regard to the case of
//     ASCII letters, and nothing else is folded. A segment that is all extension names none.
//   - A segment that begins with a dot names nothing, except .well-known.
//   - Symbolic links are followed as Symlinks says.
//   - A path that ends in a slash, and names a folder, is answered by the first file of Index in
//     it.
//   - Where nothing is, Fallback answers. A missing script stays missing.
//   - Control characters and the segments "." and ".." are refused.
//
// The backend opens the file later, by its name. A user who can write below Root can exchange the
// file in between.
type Scripts struct {
	Root      string            // the folder, an absolute path; it may be a symbolic link
	Symlinks  exchange.Symlinks // which are followed below Root; zero is exchange.SymlinksOwner
	SplitPath []string          // extensions, such as ".php"
	Index     []string          // names of files that answer for their folder, scripts or not
	Fallback  string            // a path below Root, such as "/index.php"; empty is none
}

// Script is where a path led.
type Script struct {
	Name     string // the part of the path that names it, such as "/blog/index.php"
	PathInfo string // the rest: empty, or with a slash at its beginning
	Filename string // the file, below Root, with links as they are

	root string // Root without symbolic links
}

// Resolve finds the script that path names. path is decoded, and begins with a slash: what a client
// wrote as %2F would be a slash like others here, so a caller refuses it before. An ErrNotFound
// wraps the reason if a file is there that cannot be reached, such as an [*exchange.LinkError].
func (s *Scripts) Resolve(name string) (Script, error) {
	root := &exchange.Root{Path: s.Root, Symlinks: s.Symlinks}
	defer root.Close()
	return s.resolveIn(root, name, name)
}

// resolveIn finds the script below root. name is the part of the path in which names of files may
// be: the path up to a slash that the client encoded, which is part of a segment.
func (s *Scripts) resolveIn(root *exchange.Root, name, path string) (found Script, err error) {
	if err := checkPath(path); err != nil {
		return Script{}, err
	}
	var reason error
	err = root.Use(func(f *exchange.Folder) error {
		found, reason = s.resolve(f, name, path)
		found.root = f.Real()
		if errors.Is(reason, ErrNotFound) {
			return fs.ErrNotExist // in this folder
		}
		return nil
	})
	if missing := (*exchange.RootError)(nil); errors.As(err, &missing) {
		return Script{}, unreadable(err)
	}
	return found, reason
}

// unreadable is the failure to look into the site.
func unreadable(err error) error {
	status := 500
	if exchange.IsShortage(err) {
		status = 503
	}
	return &gateway.ServerError{Status: status, Reason: "the site cannot be found", Err: err}
}

func (s *Scripts) resolve(f *exchange.Folder, name, path string) (Script, error) {
	for end := range segmentEnds(name) {
		if !s.isScript(name[:end]) {
			continue
		}
		switch kind, err := look(f, name[:end]); {
		case err != nil:
			return Script{}, err
		case kind == file:
			return s.script(name[:end], name[end:]), nil
		}
	}
	if name != path {
		return s.resolveEncoded(f, path)
	}
	return s.resolvePlain(f, name)
}

// resolveEncoded finds what answers for a path that names no script before an encoded slash. No
// file is there, and the name of a script after it does not count.
func (s *Scripts) resolveEncoded(f *exchange.Folder, path string) (Script, error) {
	for end := range segmentEnds(path) {
		if s.isScript(path[:end]) {
			return Script{}, ErrNotFound
		}
	}
	if s.Fallback == "" {
		return Script{}, ErrNotFound
	}
	return s.fallBack(f)
}

// resolvePlain finds what answers for a path that names no script.
func (s *Scripts) resolvePlain(f *exchange.Folder, name string) (Script, error) {
	bare := strings.TrimSuffix(name, "/")
	slash := bare != name
	kind, err := look(f, bare)
	switch {
	case exchange.IsHidden(bare):
		return Script{}, ErrNotFound
	case kind == file && (slash || s.isDisguised(bare)):
		return Script{}, ErrNotFound
	case kind == file:
		return Script{}, ErrNotScript
	case kind == folder:
		var index string
		if index, err = s.index(f, bare); err == nil {
			return s.resolveIndex(index, slash)
		}
	}
	if s.Fallback == "" || !isMissing(err) {
		return Script{}, err
	}
	return s.fallBack(f)
}

// resolveIndex answers for a folder that has this index.
func (s *Scripts) resolveIndex(index string, slash bool) (Script, error) {
	switch {
	case !slash:
		return Script{}, ErrFolder
	case !s.isScript(index):
		return Script{}, ErrNotScript
	}
	return s.script(index, ""), nil
}

// index returns the path of the folder's index. The error is that of the last name.
func (s *Scripts) index(f *exchange.Folder, dir string) (_ string, err error) {
	err = ErrNotFound
	for _, name := range s.Index {
		if err = lookForFile(f, dir+"/"+name); err == nil {
			return dir + "/" + name, nil
		}
		if !isMissing(err) {
			break
		}
	}
	return "", err
}

// fallBack answers for a path at which nothing is.
func (s *Scripts) fallBack(f *exchange.Folder) (Script, error) {
	if err := lookForFile(f, s.Fallback); err != nil {
		return Script{}, err
	}
	return s.script(s.Fallback, ""), nil
}

func (s *Scripts) script(name, info string) Script {
	return Script{Name: name, PathInfo: info, Filename: filepath.Join(s.Root, filepath.FromSlash(name))}
}

// isScript reports whether the last segment of name has one of the extensions behind something
// else. What is compared has as many bytes as the extension, all of which are ASCII, so no other
// letter can fold to one of them. Lower-casing the path has been a way around this (CVE-2026-27590,
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

// isDisguised reports whether name is one by which some systems open a script: Windows drops dots
// and spaces at the end, and has the text of a file under its name and "::$DATA". Served as a plain
// file it would be a script's source.
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
	nothing kind = iota // there is an error
	file
	folder
)

// look follows name below the folder. Its error is ErrNotFound itself if the path leads to nothing,
// or to something like a device. It wraps the reason if the path cannot be followed.
func look(f *exchange.Folder, name string) (kind, error) {
	found, err := f.Find(name)
	switch {
	case isLink(err), errors.Is(err, fs.ErrPermission):
		return nothing, fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, fs.ErrNotExist):
		return nothing, ErrNotFound
	case err != nil:
		return nothing, unreadable(err)
	case found.Rest == "" && found.Mode.IsRegular():
		return file, nil
	case found.Rest == "" && found.Mode.IsDir():
		return folder, nil
	}
	return nothing, ErrNotFound
}

// lookForFile is look, where a folder is nothing.
func lookForFile(f *exchange.Folder, name string) error {
	kind, err := look(f, name)
	if kind == folder {
		err = ErrNotFound
	}
	return err
}

func isLink(err error) bool {
	link := (*exchange.LinkError)(nil)
	return errors.As(err, &link)
}

// isMissing reports whether the Fallback may answer after an error of look: not for a link that is
// not followed.
func isMissing(err error) bool { return errors.Is(err, ErrNotFound) && !isLink(err) }

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
