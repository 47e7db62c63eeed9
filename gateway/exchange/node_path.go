package exchange

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// pathNode is a node with a path that had no links when it was checked. It is used on systems
// without O_PATH. The opened file is compared with the checked one, but the folders above it are
// not.
type pathNode struct {
	path string
	info fs.FileInfo
}

// openPath returns the node of the folder at path. It follows links.
func openPath(path string) (node, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(real)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	return &pathNode{real, info}, nil
}

func (n *pathNode) openEntry(name string, _ bool) (node, error) {
	path := filepath.Join(n.path, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return &pathNode{path, info}, nil
}

func (n *pathNode) openTop(path string) (_ node, rest string, err error) {
	volume := filepath.VolumeName(path)
	top, err := openPath(volume + string(filepath.Separator))
	return top, path[len(volume):], err
}

func (n *pathNode) mode() fs.FileMode { return n.info.Mode() }

func (n *pathNode) owner() int { return ownerOf(n.info) }

func (n *pathNode) readLink() (string, error) {
	target, err := os.Readlink(n.path)
	if isReplaced(err) {
		return "", errReplaced
	}
	return target, err
}

func (n *pathNode) openForRead(name string, entry node, path string, most int64) (*Opened, error) {
	file, err := openNoWait(filepath.Join(n.path, name))
	if isReplaced(err) {
		return nil, errReplaced
	}
	if err != nil {
		return nil, pathError(path, err)
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(info, entry.(*pathNode).info) {
		err = errReplaced
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	opened, err := newOpened(file)
	if err != nil || !opened.isSmall(most) {
		return opened, err
	}
	defer file.Close()
	opened.File = nil
	return opened, opened.readContent(file)
}

func (n *pathNode) isAt(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, n.info)
}

// close does nothing, since a pathNode has no open file.
func (n *pathNode) close() {}
