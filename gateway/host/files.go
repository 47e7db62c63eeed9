package host

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"path"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// Files is a gateway.App that sends the files of a folder. It answers parts and conditions as
// http.FileServer does, and differs from it in this:
//
//   - Names that begin with a dot are 404 and in no list, except .well-known.
//   - Symbolic links are followed as Symlinks says. The file that is opened is the one that was
//     checked.
//   - The Content-Type comes from the extension of the name, and is application/octet-stream for an
//     unknown one. It is never guessed from the content, and X-Content-Type-Options: nosniff keeps
//     browsers from guessing: an upload that looks like HTML is not shown as a page.
//   - A named pipe, a socket or a device is never opened.
//   - A file's name is bytes of any encoding.
//
// The file index.html answers for its folder. A folder without one is answered by a list of its
// files. The path of a folder without a slash at its end is redirected to the one with it.
//
// A Files may answer any number of requests at the same time. Its fields must not change once it is
// used, and it must not be copied then.
type Files struct {
	// Root is the folder. It must be set. It may be a symbolic link: where it leads is looked up
	// again once a second.
	Root string

	// Symlinks says which symbolic links below Root are followed. Zero is exchange.SymlinksOwner:
	// those of root, and those that belong to the owner of what they lead to.
	Symlinks exchange.Symlinks

	// ErrorLog takes one record at level Warn for each file that exists and was not sent, with the
	// reason. Nil is the request's own error stream.
	ErrorLog *slog.Logger

	once sync.Once
	root exchange.Root
}

// Check reports why Root cannot be served, so that a program can say so before it listens.
func (f *Files) Check() error { return f.folder().Use(func(*exchange.Folder) error { return nil }) }

func (f *Files) folder() *exchange.Root {
	f.once.Do(func() { f.root.Path, f.root.Symlinks = f.Root, f.Symlinks })
	return &f.root
}

// ServeGateway implements gateway.App.
func (f *Files) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	name, err := filePath(r)
	if err != nil {
		return f.refuse(w, r, err)
	}
	var found *content
	err = f.folder().Use(func(folder *exchange.Folder) (err error) {
		found, err = findContent(folder, name)
		return err
	})
	if err != nil {
		return f.refuse(w, r, err)
	}
	defer found.file.Close()
	return httpapp.New(found).ServeGateway(w, r)
}

// refuse answers for a file that is not sent, and logs the reason if the file exists.
func (f *Files) refuse(w gateway.ResponseWriter, r *gateway.Request, err error) error {
	lacking, missing := (*unslashed)(nil), (*exchange.RootError)(nil)
	switch {
	case errors.As(err, &missing), exchange.IsShortage(err):
		return unreadable(err)
	case errors.As(err, &lacking):
		return lacking.page(r).send(w)
	case isLink(err), errors.Is(err, exchange.ErrIrregular):
		newLineWriter(f.ErrorLog, r).Warn(err.Error())
		err = ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		newLineWriter(f.ErrorLog, r).Warn(err.Error())
		return page{status: "403 Forbidden", text: "This may not be read.\n"}.send(w)
	case errors.Is(err, fs.ErrNotExist):
		err = ErrNotFound
	}
	if p, ok := pageOf(r, err); ok {
		return p.send(w)
	}
	return err
}

// unslashed is the error of a folder whose name lacks the slash at its end.
type unslashed struct{ name string }

func (*unslashed) Error() string { return "host: the path of a folder has no slash at its end" }

// page redirects to the name with a slash. The Location is relative, since a proxy may have changed
// the beginning of the path.
func (u *unslashed) page(r *gateway.Request) page {
	to := url.URL{Path: path.Base(u.name) + "/", RawQuery: r.Environ.Get("QUERY_STRING")}
	return page{status: movedStatus(r), location: to.String(), text: "The folder is at the path with a slash.\n"}
}
