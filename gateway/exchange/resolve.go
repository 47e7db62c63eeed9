package exchange

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// node is a file, a folder or a symbolic link itself.
type node interface {
	// openEntry opens the entry called name of this folder. ".." is the folder above. last is set
	// for the last segment of a path, which is a file more often than a folder.
	openEntry(name string, last bool) (node, error)

	// openTop opens the folder at the start of an absolute path, and returns the rest of the path.
	openTop(path string) (_ node, rest string, err error)

	mode() fs.FileMode
	owner() int // user id, -1 if the system has none

	// readLink returns the path in a link. The error is errReplaced if the node is not a link any
	// more.
	readLink() (string, error)

	// openForRead opens the entry called name of this folder for reading, and reads a regular file
	// of at most that many bytes. entry is the node that openEntry returned for name. The error is
	// errReplaced if another file has the name now. path becomes the Name of the file.
	openForRead(name string, entry node, path string, most int64) (*Opened, error)

	// isAt reports whether path leads to this folder, if links are followed.
	isAt(path string) bool

	close()
}

// resolver resolves a path segment by segment, and follows the links that the policy allows.
type resolver struct {
	root     node // not closed by the resolver
	symlinks Symlinks
	hidden   bool

	at     node   // the current node
	parent node   // the folder in which at was found; nil at the start
	name   string // of at in parent
	path   string // of at, for the log
	links  int    // followed so far
}

// resolve resolves path up to the first segment that is not a folder, and returns the rest of path.
func (r *resolver) resolve(path string) (rest string, err error) {
	for rest = path; rest != "" && r.at.mode().IsDir(); {
		var name string
		if name, rest, err = cutSegment(rest); err != nil {
			return "", err
		}
		if !r.hidden && IsHidden(name) {
			return "", notExist(path)
		}
		if err := r.descend(name, rest == ""); err != nil {
			return "", err
		}
	}
	return rest, nil
}

// cutSegment splits a path of a request into its first segment and the rest.
func cutSegment(path string) (name, rest string, err error) {
	name, slash := strings.CutPrefix(path, "/")
	if i := strings.IndexByte(name, '/'); i >= 0 {
		name, rest = name[:i], name[i:]
	}
	if !slash || name == "" || name == "." || name == ".." || !isValidName(name) {
		return "", "", notExist(path)
	}
	return name, rest, nil
}

// descend moves to the entry called name or, if that is a link, to its target.
func (r *resolver) descend(name string, last bool) error {
	path := filepath.Join(r.path, name)
	next, err := r.at.openEntry(name, last)
	if err != nil {
		return pathError(path, err)
	}
	if next.mode()&fs.ModeSymlink == 0 {
		r.moveTo(next, name, path)
		return nil
	}
	defer next.close()
	return r.follow(next, path)
}

// pathError returns err as an error of path. Errors that Find does not document mean that no file
// can have this name; they become fs.ErrNotExist.
func pathError(path string, err error) error {
	if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	if !isAny(err, fs.ErrNotExist, fs.ErrPermission) && !IsShortage(err) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// IsShortage reports whether an error means that the system lacks a resource, such as descriptors.
// The file may exist, so the answer is 503 and not 404.
func IsShortage(err error) bool {
	return isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO)
}

// isReplaced reports whether an error means that the file of a name was replaced: a link is now a
// file, or a file is now a link or a named pipe, or does not exist any more.
func isReplaced(err error) bool {
	return isAny(err, fs.ErrNotExist, syscall.ELOOP, syscall.EMLINK, syscall.ENXIO, syscall.EINVAL)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// follow moves to the target of a link.
func (r *resolver) follow(link node, path string) error {
	if r.links++; r.links > maxLinks {
		return tooManyLinks(path, link)
	}
	if !r.symlinks.allows(link.owner()) {
		return forbiddenLink(path, link, "no symbolic link is followed here")
	}
	target, err := link.readLink()
	if err == nil {
		err = r.followTarget(target)
	}
	if err != nil {
		return err
	}
	if end := r.at.owner(); r.symlinks == SymlinksOwner && link.owner() != 0 && link.owner() != end {
		return forbiddenLink(path, link, fmt.Sprintf("it leads to %.256q of user %d", r.path, end))
	}
	return nil
}

// followTarget moves to target, the path in a link. It may contain "..".
func (r *resolver) followTarget(target string) error {
	if filepath.IsAbs(target) {
		top, rest, err := r.at.openTop(target)
		if err != nil {
			return pathError(target, err)
		}
		r.moveTo(top, "", strings.TrimSuffix(target, rest)+string(filepath.Separator))
		target = rest
	}
	for name := range strings.SplitSeq(filepath.ToSlash(target), "/") {
		if !r.at.mode().IsDir() {
			return notExist(r.path)
		}
		if name == "" || name == "." {
			continue
		}
		if err := r.descend(name, false); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) moveTo(next node, name, path string) {
	r.closeNode(r.parent)
	r.parent, r.at = r.at, next
	r.name, r.path = name, path
}

// openForRead opens the current file or folder for reading, and reads a file of at most that many
// bytes. path becomes the Name of the file.
func (r *resolver) openForRead(path string, most int64) (*Opened, error) {
	if r.at.mode().IsDir() {
		return r.at.openForRead(".", r.at, path, most)
	}
	return r.parent.openForRead(r.name, r.at, path, most)
}

func (r *resolver) closeNode(n node) {
	if n != nil && n != r.root {
		n.close()
	}
}

func (r *resolver) close() {
	r.closeNode(r.parent)
	r.closeNode(r.at)
}
