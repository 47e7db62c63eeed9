package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Root is a folder, named in a configuration, from which requests are answered. Its path may later
// lead to another folder: the link "current" of a deployment leads to one release and then to the
// next. So a Root checks its path again once a second, and whenever a file is not found.
//
// A Root is safe for concurrent use. After the first call its fields must not change, and it must
// not be copied. It keeps the folder open until the path leads elsewhere, Close is called, or the
// garbage collector frees the Root.
type Root struct {
	// Path is the path of the folder. It must be set. A relative path is relative to the working
	// directory at the first use.
	Path string

	// Symlinks says which symbolic links below the folder are followed. Zero is SymlinksOwner.
	Symlinks Symlinks

	// Hidden says that hidden names are found too, such as .git and .htpasswd: see [IsHidden]. It
	// must be set only for paths that no client chooses.
	Hidden bool

	mu      sync.Mutex
	path    string  // absolute
	current *Folder // nil before the first use
	checked time.Time
	keeps   bool // current stays in use while the path leads to no folder
}

// checkInterval is how long a folder is used before the path is checked again.
const checkInterval = time.Second

// Use calls do with the folder to which the path leads. The Folder is valid until do returns. The
// error is that of do, or a [*RootError] if the path does not lead to a folder.
//
// If the error of do wraps fs.ErrNotExist, Use checks the path again. If it now leads to another
// folder, Use calls do once more with that one. So a request that finds the old release removed is
// answered from the new one.
func (r *Root) Use(do func(*Folder) error) error {
	f, err := r.acquire(false)
	if err != nil {
		return err
	}
	if err = r.useFolder(f, do); !errors.Is(err, fs.ErrNotExist) {
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
	return r.useFolder(next, do)
}

// Reload checks the path now. If it leads to another folder, later requests use that one. After an
// error, which is a [*RootError], the folder that is open stays in use until the path leads to a
// folder again. Without a Reload, the next check would close it.
func (r *Root) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.find()
	if r.keeps = err != nil && r.current != nil; err != nil {
		return err
	}
	r.setCurrent(next)
	return nil
}

// Close closes the folder when the last request that uses it has ended. A later Use opens it again.
func (r *Root) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		r.unref(r.current)
		r.current = nil
	}
}

// useFolder calls do and then releases f.
func (r *Root) useFolder(f *Folder, do func(*Folder) error) error {
	defer r.release(f)
	return do(f)
}

// acquire returns the current folder. It checks the path before that if due is set or the last
// check is too old. release must follow.
func (r *Root) acquire(due bool) (*Folder, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if due || r.current == nil || time.Since(r.checked) >= checkInterval {
		if err := r.refresh(); err != nil {
			return nil, err
		}
	}
	r.current.refs++
	return r.current, nil
}

// refresh sets current to the folder to which the path leads. After an error the next request
// checks again.
func (r *Root) refresh() error {
	next, err := r.find()
	switch {
	case err == nil:
		r.keeps = false
		r.setCurrent(next)
	case r.keeps:
		err = nil
	case r.current != nil:
		r.setCurrent(nil)
	}
	return err
}

// find returns the folder to which the path leads: current, or a new one.
func (r *Root) find() (_ *Folder, err error) {
	if r.path == "" {
		if r.path, err = filepath.Abs(r.Path); err != nil {
			return nil, &RootError{err}
		}
	}
	r.checked = time.Now()
	if r.current != nil && r.current.dir.isAt(r.path) {
		return r.current, nil
	}
	f, err := openFolder(r.path, r.Symlinks, r.Hidden)
	if err != nil {
		return nil, &RootError{err}
	}
	return f, nil
}

// setCurrent sets current to next, which may be the same or nil.
func (r *Root) setCurrent(next *Folder) {
	if r.current != nil && r.current != next {
		r.unref(r.current)
	}
	r.current = next
}

func (r *Root) release(f *Folder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unref(f)
}

// unref removes a reference to a folder, and closes the folder after the last one. The Root has a
// reference to the current folder.
func (r *Root) unref(f *Folder) {
	if f.refs--; f.refs == 0 {
		f.dir.close()
	}
}

// RootError reports that the folder of a [Root] cannot be opened, which is not the fault of a
// request.
type RootError struct{ Err error }

// Error returns the text of Err, which has the path.
func (e *RootError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *RootError) Unwrap() error { return e.Err }

// Folder is the folder to which the path of a [Root] led at one moment.
type Folder struct {
	path, real string
	symlinks   Symlinks
	hidden     bool
	dir        node
	refs       int // from requests and the Root; guarded by the Root's lock
}

func openFolder(path string, symlinks Symlinks, hidden bool) (*Folder, error) {
	dir, err := openDir(path)
	if err != nil {
		return nil, err
	}
	f := &Folder{path: path, real: path, symlinks: symlinks, hidden: hidden, dir: dir, refs: 1}
	if real, err := filepath.EvalSymlinks(path); err == nil && dir.isAt(real) {
		f.real = real
	}
	return f, nil
}

// Path returns the folder's absolute path as configured, with links.
func (f *Folder) Path() string { return f.path }

// Real returns the folder's path without symbolic links. It is the same as Path if a folder above
// it cannot be searched.
func (f *Folder) Real() string { return f.real }

// Found is the result of [Folder.Find].
type Found struct {
	Path string      // of the file, below the Folder's Path; links are not resolved
	Rest string      // of the requested path: empty, or "/more" after a file
	Mode fs.FileMode // of the file or folder found, which is never a symbolic link
}

// Find resolves path, segment by segment, up to the first one that is not a folder. path is empty
// or begins with a slash. Segments are percent-decoded, in any character encoding. A segment that
// is empty, ".", "..", hidden or not a valid name on this system does not exist.
//
// The error is a [*LinkError] if a link is not followed. It wraps fs.ErrNotExist if the path does
// not exist or leads through a dangling link, and fs.ErrPermission if a folder may not be searched.
// Other errors are those that [IsShortage] reports.
//
// The file may be replaced before the caller opens it by its path, as it must to run a program.
// [Folder.Open] has no such gap.
func (f *Folder) Find(path string) (found Found, err error) {
	err = f.resolve(path, func(r *resolver, rest string) error {
		found = Found{Path: f.below(path[:len(path)-len(rest)]), Rest: rest, Mode: r.at.mode()}
		return nil
	})
	return found, err
}

// ErrIrregular is the error of Open for a file that is neither a regular file nor a folder: a named
// pipe, a device or a socket.
var ErrIrregular = errors.New("exchange: neither a regular file nor a folder")

// Open opens the regular file or the folder at path for reading. It never opens another file than
// the one that it has checked, even if files are replaced meanwhile. On Linux it checks and uses
// every folder and link on the way by its descriptor; on other systems it compares only the file
// itself. It never waits for a named pipe.
//
// The errors are those of Find, and ErrIrregular. The caller closes the file.
func (f *Folder) Open(path string) (*os.File, error) {
	opened, err := f.Load(path, -1)
	if err != nil {
		return nil, err
	}
	return opened.File, nil
}

// Load opens the regular file or the folder at path as Open does, and describes it. It reads and
// closes a regular file of at most that many bytes: for a small file this saves half of the system
// calls.
func (f *Folder) Load(path string, most int64) (opened *Opened, err error) {
	err = f.resolve(path, func(r *resolver, rest string) (err error) {
		mode := r.at.mode()
		switch {
		case rest != "":
			return notExist(f.below(path))
		case !mode.IsRegular() && !mode.IsDir():
			return &fs.PathError{Op: "open", Path: f.below(path), Err: ErrIrregular}
		}
		opened, err = r.openForRead(f.below(path), most)
		return err
	})
	return opened, err
}

// maxTries limits how often a path is resolved again because a file was replaced after its check.
const maxTries = 16

var errReplaced = errors.New("replaced while it was opened")

// resolve resolves path and calls do with the result.
func (f *Folder) resolve(path string, do func(r *resolver, rest string) error) error {
	for range maxTries {
		if err := f.resolveOnce(path, do); err != errReplaced {
			return err
		}
	}
	return &fs.PathError{Op: "open", Path: f.below(path), Err: errReplaced}
}

func (f *Folder) resolveOnce(path string, do func(r *resolver, rest string) error) error {
	r := &resolver{root: f.dir, symlinks: f.symlinks, hidden: f.hidden, at: f.dir, path: f.path}
	defer r.close()
	rest, err := r.resolve(path)
	if err != nil {
		return err
	}
	return do(r, rest)
}

// below returns the path of a file for a resolved path.
func (f *Folder) below(path string) string {
	if path == "" {
		return f.path
	}
	return filepath.Join(f.path, filepath.FromSlash(path))
}

func notExist(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}
