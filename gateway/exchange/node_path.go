package exchange

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// pathNode is a node by its path, in which no link was when it was checked. It is for systems
// without O_PATH. The file that is opened in the end is compared with the one that was checked, but
// the folders on the way are not.
type pathNode struct {
	path string
	info fs.FileInfo
}

// openPath looks at the folder at path, links followed.
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

func (n *pathNode) enter(name string) (node, error) {
	path := filepath.Join(n.path, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return &pathNode{path, info}, nil
}

func (n *pathNode) top(path string) (_ node, rest string, err error) {
	volume := filepath.VolumeName(path)
	top, err := openPath(volume + string(filepath.Separator))
	return top, path[len(volume):], err
}

func (n *pathNode) mode() fs.FileMode { return n.info.Mode() }

func (n *pathNode) owner() int { return ownerOf(n.info) }

func (n *pathNode) target() (string, error) {
	target, err := os.Readlink(n.path)
	if isExchange(err) {
		return "", errExchanged
	}
	return target, err
}

func (n *pathNode) read(name string, entry node, path string) (*os.File, error) {
	file, err := openNoWait(filepath.Join(n.path, name))
	if isExchange(err) {
		return nil, errExchanged
	}
	if err != nil {
		return nil, pathError(path, err)
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(info, entry.(*pathNode).info) {
		err = errExchanged
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (n *pathNode) isAt(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, n.info)
}

// close has nothing to do: a path is not open.
func (n *pathNode) close() {}
