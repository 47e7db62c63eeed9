package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Root is a folder that a configuration names, and in which requests name files. Its path may lead
// to another folder later: the link "current" of a deployment leads to one release and then to the
// next. So a Root looks at its path again once a second, and whenever a file is not found.
//
// A Root is safe for concurrent use. Its fields must not change once it is used, and it must not be
// copied then. It keeps the folder open until the path leads elsewhere, or Close is called, or the
// garbage collector finds the Root unused.
type Root struct {
	// Path is the folder. It must be set. A relative path is relative to the working directory at
	// the first use.
	Path string

	// Symlinks says which symbolic links below the folder are followed. Zero is SymlinksOwner.
	Symlinks Symlinks

	// Hidden finds names that are not for visitors too, such as .git and .htpasswd: see [IsHidden].
	// It is for paths that no client chooses.
	Hidden bool

	mu      sync.Mutex
	path    string  // absolute
	current *Folder // nil before the first use
	checked time.Time
}

// checkInterval is how long a folder is used before the path is looked at again.
const checkInterval = time.Second

// Use calls do with the folder that the path leads to. The Folder is good until do returns. The
// error is that of do, or a [*RootError] if the path leads to no folder.
//
// If the error of do is fs.ErrNotExist for errors.Is, the path is looked at again. If it leads to
// another folder by then, do is called once more with that one. So a request that finds the last
// release removed is answered from the next one.
func (r *Root) Use(do func(*Folder) error) error {
	f, err := r.acquire(false)
	if err != nil {
		return err
	}
	if err = r.use(f, do); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next, moved := r.acquire(true)
	switch {
	case moved != nil:
		return moved
	case next == f:
		r.release(next)
		return err
	}
	return r.use(next, do)
}

// Close closes the folder, after the last request that uses it. A later Use opens it again.
func (r *Root) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		r.leave(r.current)
		r.current = nil
	}
}

// use calls do and releases f.
func (r *Root) use(f *Folder, do func(*Folder) error) error {
	defer r.release(f)
	return do(f)
}

// acquire returns the current folder, looked for again if it is time or due. release must follow.
func (r *Root) acquire(due bool) (*Folder, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if due || r.current == nil || time.Since(r.checked) >= checkInterval {
		if err := r.refresh(); err != nil {
			return nil, err
		}
	}
	r.current.users++
	return r.current, nil
}

// refresh makes the folder that the path leads to the current one. After an error the next request
// looks again.
func (r *Root) refresh() (err error) {
	if r.path == "" {
		if r.path, err = filepath.Abs(r.Path); err != nil {
			return &RootError{err}
		}
	}
	r.checked = time.Now()
	if r.current != nil && r.current.dir.isAt(r.path) {
		return nil
	}
	if r.current != nil {
		r.leave(r.current)
	}
	r.current, err = openFolder(r.path, r.Symlinks, r.Hidden)
	if err != nil {
		return &RootError{err}
	}
	return nil
}

func (r *Root) release(f *Folder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(f)
}

// leave takes a user off a folder, and closes it after the last. The Root itself is one while the
// folder is current.
func (r *Root) leave(f *Folder) {
	if f.users--; f.users == 0 {
		f.dir.close()
	}
}

// RootError says why a [Root] cannot be opened: no request is to blame for that.
type RootError struct{ Err error }

// Error names the path, since Err does.
func (e *RootError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *RootError) Unwrap() error { return e.Err }

// Folder is what the path of a [Root] led to at one moment.
type Folder struct {
	path, real string
	symlinks   Symlinks
	hidden     bool
	dir        node
	users      int // requests, and the Root; guarded by the Root's lock
}

func openFolder(path string, symlinks Symlinks, hidden bool) (*Folder, error) {
	dir, err := openDir(path)
	if err != nil {
		return nil, err
	}
	f := &Folder{path: path, real: path, symlinks: symlinks, hidden: hidden, dir: dir, users: 1}
	if real, err := filepath.EvalSymlinks(path); err == nil && dir.isAt(real) {
		f.real = real
	}
	return f, nil
}

// Path is the folder's absolute path as the configuration has it, with links.
func (f *Folder) Path() string { return f.path }

// Real is the folder's path without symbolic links. It is the same as Path if a folder above it
// cannot be searched.
func (f *Folder) Real() string { return f.real }

// Found is where a path below a Folder leads.
type Found struct {
	Path string      // of the file, below the Folder's own Path, with links as they are
	Rest string      // of the path that was asked for: empty, or "/more" beyond a file
	Mode fs.FileMode // of what the path leads to, which is never a symbolic link
}

// Find follows the segments of path to the first one that is not a folder. path is empty or begins
// with a slash. Segments are decoded bytes of any encoding. A segment that is empty, ".", "..",
// hidden or not a valid name on this system does not exist.
//
// The error is a [*LinkError] if a link is not followed. For errors.Is it is fs.ErrNotExist if the
// path leads nowhere, also through a dangling link, and fs.ErrPermission if a folder may not be
// entered. Other errors are those of [IsShortage].
//
// The file may be exchanged before the caller opens it by its path, as it must a program that is to
// run. [Folder.Open] has no such gap.
func (f *Folder) Find(path string) (found Found, err error) {
	err = f.settle(path, func(w *walker, rest string) error {
		found = Found{Path: f.below(path[:len(path)-len(rest)]), Rest: rest, Mode: w.at.mode()}
		return nil
	})
	return found, err
}

// ErrIrregular is the error of Open for what is neither a regular file nor a folder: a named pipe,
// a device or a socket.
var ErrIrregular = errors.New("exchange: neither a regular file nor a folder")

// Open opens the regular file or the folder at path for reading. It opens what it has checked, also
// while names are exchanged: on Linux every folder and link on the way is checked and used by its
// descriptor; on other systems only the file itself is compared. It never waits for a named pipe.
//
// The errors are those of Find, and ErrIrregular. The caller closes the file.
func (f *Folder) Open(path string) (file *os.File, err error) {
	err = f.settle(path, func(w *walker, rest string) (err error) {
		mode := w.at.mode()
		switch {
		case rest != "":
			return notExist(f.below(path))
		case !mode.IsRegular() && !mode.IsDir():
			return &fs.PathError{Op: "open", Path: f.below(path), Err: ErrIrregular}
		}
		file, err = w.read(f.below(path))
		return err
	})
	return file, err
}

// maxTries bounds how often a walk begins again because a file was exchanged after its check.
const maxTries = 16

var errExchanged = errors.New("exchanged while it was opened")

// settle calls do at the end of a walk of path.
func (f *Folder) settle(path string, do func(w *walker, rest string) error) error {
	for range maxTries {
		if err := f.try(path, do); err != errExchanged {
			return err
		}
	}
	return &fs.PathError{Op: "open", Path: f.below(path), Err: errExchanged}
}

func (f *Folder) try(path string, do func(w *walker, rest string) error) error {
	w := &walker{root: f.dir, symlinks: f.symlinks, hidden: f.hidden, at: f.dir, path: f.path}
	defer w.close()
	rest, err := w.walk(path)
	if err != nil {
		return err
	}
	return do(w, rest)
}

// below is the file's path for a path that the walk has checked.
func (f *Folder) below(path string) string {
	if path == "" {
		return f.path
	}
	return filepath.Join(f.path, filepath.FromSlash(path))
}

func notExist(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}
