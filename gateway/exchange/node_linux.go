package exchange

import (
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fdNode is a node with a descriptor of kind O_PATH, which opens no device and no named pipe.
type fdNode struct {
	fd   int      // -1 for a regular file, of which only stat is used
	file *os.File // set for the folder of a Root, so that the garbage collector closes fd with the Root
	stat unix.Stat_t
}

// openDir opens the folder at path and follows links.
func openDir(path string) (node, error) {
	fd, err := openAt(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	n, err := newFDNode(fd)
	if err != nil {
		return nil, pathError(path, err)
	}
	n.file = os.NewFile(uintptr(fd), path)
	return n, nil
}

// newFDNode returns the node of fd. It closes fd if it fails.
func newFDNode(fd int) (*fdNode, error) {
	n := &fdNode{fd: fd}
	if err := retry(func() error { return unix.Fstat(fd, &n.stat) }); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return n, nil
}

func (n *fdNode) openEntry(name string, last bool) (node, error) {
	if last {
		e := &fdNode{fd: -1}
		err := retry(func() error { return unix.Fstatat(n.fd, name, &e.stat, unix.AT_SYMLINK_NOFOLLOW) })
		if err != nil || e.mode().IsRegular() {
			return e, err
		}
	}
	fd, err := openAt(n.fd, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return newFDNode(fd)
}

func (n *fdNode) openTop(path string) (_ node, rest string, err error) {
	top, err := openDir("/")
	return top, path, err
}

func (n *fdNode) mode() fs.FileMode {
	switch n.stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return fs.FileMode(n.stat.Mode & 0o777)
	case unix.S_IFDIR:
		return fs.ModeDir | fs.FileMode(n.stat.Mode&0o777)
	case unix.S_IFLNK:
		return fs.ModeSymlink | fs.FileMode(n.stat.Mode&0o777)
	}
	return fs.ModeIrregular
}

func (n *fdNode) owner() int { return int(n.stat.Uid) }

func (n *fdNode) readLink() (string, error) {
	buffer := make([]byte, unix.PathMax)
	length := 0
	err := retry(func() (err error) {
		length, err = unix.Readlinkat(n.fd, "", buffer)
		return err
	})
	if err != nil {
		return "", err
	}
	return string(buffer[:length]), nil
}

// openForRead opens the name again, since a descriptor of kind O_PATH cannot be read, and compares
// the two files. With O_NONBLOCK it does not block if a named pipe has replaced the file since the
// check.
func (n *fdNode) openForRead(name string, entry node, path string, most int64) (*Opened, error) {
	fd, err := openAt(n.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if isReplaced(err) {
		return nil, errReplaced
	}
	if err != nil {
		return nil, pathError(path, err)
	}
	opened, err := newFDNode(fd)
	if err != nil {
		return nil, pathError(path, err)
	}
	if !opened.same(&entry.(*fdNode).stat) {
		opened.close()
		return nil, errReplaced
	}
	return opened.load(path, most)
}

// load returns the file, of which n has a descriptor for reading, and reads a small one.
func (n *fdNode) load(path string, most int64) (*Opened, error) {
	o := &Opened{Mode: n.mode(), Size: n.stat.Size, ModTime: time.Unix(n.stat.Mtim.Unix())}
	if !o.isSmall(most) {
		o.File = os.NewFile(uintptr(n.fd), path) // takes the descriptor over
		return o, nil
	}
	defer n.close()
	if err := o.readContent(n); err != nil {
		return nil, pathError(path, err)
	}
	return o, nil
}

// Read implements io.Reader for load.
func (n *fdNode) Read(p []byte) (read int, err error) {
	err = retry(func() (err error) {
		read, err = unix.Read(n.fd, p)
		return err
	})
	if read <= 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return max(read, 0), err
}

func (n *fdNode) isAt(path string) bool {
	var stat unix.Stat_t
	err := retry(func() error { return unix.Stat(path, &stat) })
	return err == nil && n.same(&stat)
}

func (n *fdNode) same(stat *unix.Stat_t) bool {
	return n.stat.Dev == stat.Dev && n.stat.Ino == stat.Ino
}

func (n *fdNode) close() {
	switch {
	case n.file != nil:
		n.file.Close()
	case n.fd >= 0:
		unix.Close(n.fd)
	}
}

// openAt calls openat(2). Its error is a unix.Errno.
func openAt(dir int, name string, flags int) (fd int, err error) {
	err = retry(func() (err error) {
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// retry repeats call while it is interrupted by a signal, which happens on network file systems.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
