package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// node is a file, folder or symbolic link that a walk has reached. A link is not followed.
type node interface {
	// enter opens the entry of a folder that has this name. ".." is the folder above.
	enter(name string) (node, error)

	// top opens the folder at which an absolute path begins, and returns the rest of the path.
	top(path string) (_ node, rest string, err error)

	mode() fs.FileMode
	owner() int // user id, -1 if the system has none

	// target is the path in a link. The error is errExchanged if the node is no link any more.
	target() (string, error)

	// read opens the entry of a folder that has this name for reading. entry is what enter returned
	// for the name. The error is errExchanged if another file has the name now. path becomes the
	// Name of the file.
	read(name string, entry node, path string) (*os.File, error)

	// isAt reports whether path, with links followed, leads to this folder.
	isAt(path string) bool

	close()
}

// walker follows the segments of a path, and links as the policy allows.
type walker struct {
	root     node // not closed with the walker
	symlinks Symlinks
	hidden   bool

	at     node   // where the walk is
	parent node   // where it was before, the folder in which a file was found; nil at the start
	name   string // by which it was found
	path   string // of at, for the log
	links  int    // followed so far
}

// walk follows path to the first segment that is not a folder, and returns what is left of path.
func (w *walker) walk(path string) (rest string, err error) {
	for rest = path; rest != "" && w.at.mode().IsDir(); {
		var name string
		if name, rest, err = cutSegment(rest); err != nil {
			return "", err
		}
		if !w.hidden && IsHidden(name) {
			return "", notExist(path)
		}
		if err := w.enter(name); err != nil {
			return "", err
		}
	}
	return rest, nil
}

// cutSegment takes "/segment" off the front of a path of a request.
func cutSegment(path string) (name, rest string, err error) {
	name, slash := strings.CutPrefix(path, "/")
	if i := strings.IndexByte(name, '/'); i >= 0 {
		name, rest = name[:i], name[i:]
	}
	if !slash || name == "" || name == "." || name == ".." || !isName(name) {
		return "", "", notExist(path)
	}
	return name, rest, nil
}

// enter moves to the entry called name, or to what it leads to where it is a link.
func (w *walker) enter(name string) error {
	path := filepath.Join(w.path, name)
	next, err := w.at.enter(name)
	if err != nil {
		return pathError(path, err)
	}
	if next.mode()&fs.ModeSymlink == 0 {
		w.move(next, name, path)
		return nil
	}
	defer next.close()
	return w.follow(next, path)
}

// pathError returns err as one of path. Errors other than those that Find documents say that no
// file can have this name. They become fs.ErrNotExist.
func pathError(path string, err error) error {
	if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	if !isAny(err, fs.ErrNotExist, fs.ErrPermission) && !IsShortage(err) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// IsShortage reports whether an error says that the system lacks a resource, such as descriptors.
// What it is about may be there: it is no 404, but a 503.
func IsShortage(err error) bool {
	return isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO)
}

// isExchange reports whether an error says that a name has changed its kind: a link is now a file,
// or a file is now a link, a named pipe or gone.
func isExchange(err error) bool {
	return isAny(err, fs.ErrNotExist, syscall.ELOOP, syscall.EMLINK, syscall.ENXIO, syscall.EINVAL)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// follow moves to what a link leads to.
func (w *walker) follow(link node, path string) error {
	if w.links++; w.links > maxLinks {
		return loop(path, link)
	}
	if !w.symlinks.follows(link.owner()) {
		return forbidden(path, link, "no symbolic link is followed here")
	}
	target, err := link.target()
	if err == nil {
		err = w.enterAll(target)
	}
	if err != nil {
		return err
	}
	if end := w.at.owner(); w.symlinks == SymlinksOwner && link.owner() != 0 && link.owner() != end {
		return forbidden(path, link, fmt.Sprintf("it leads to %.256q of user %d", w.path, end))
	}
	return nil
}

// enterAll follows the target of a link, which may lead anywhere: also up.
func (w *walker) enterAll(target string) error {
	if filepath.IsAbs(target) {
		top, rest, err := w.at.top(target)
		if err != nil {
			return pathError(target, err)
		}
		w.move(top, "", strings.TrimSuffix(target, rest)+string(filepath.Separator))
		target = rest
	}
	for name := range strings.SplitSeq(filepath.ToSlash(target), "/") {
		if !w.at.mode().IsDir() {
			return notExist(w.path)
		}
		if name == "" || name == "." {
			continue
		}
		if err := w.enter(name); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) move(next node, name, path string) {
	w.drop(w.parent)
	w.parent, w.at = w.at, next
	w.name, w.path = name, path
}

// read opens the file or folder that the walk has reached, under the name that path is.
func (w *walker) read(path string) (*os.File, error) {
	if w.at.mode().IsDir() {
		return w.at.read(".", w.at, path)
	}
	return w.parent.read(w.name, w.at, path)
}

func (w *walker) drop(n node) {
	if n != nil && n != w.root {
		n.close()
	}
}

func (w *walker) close() {
	w.drop(w.parent)
	w.drop(w.at)
}
