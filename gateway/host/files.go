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

// Files is a gateway.App that sends the files of a folder. It answers range and conditional
// requests as http.FileServer does, and differs from it in these points:
//
//   - Names that begin with a dot are 404 and in no list, except .well-known.
//   - Other methods than GET and HEAD are answered 405, as in nginx.
//   - Symbolic links are followed as Symlinks says. The file that is opened is the one that was
//     checked.
//   - The Content-Type comes from the extension of the name, and is application/octet-stream for an
//     unknown one. It is never guessed from the content, and X-Content-Type-Options: nosniff keeps
//     browsers from guessing, so that an upload that looks like HTML is not shown as a page.
//   - A named pipe, a socket or a device is never opened.
//   - The name of a file may be bytes of any encoding.
//
// For a folder, its file index.html is sent, or, if there is none, a list of its files. The path of
// a folder without a slash at its end is redirected to the path with it.
//
// A Files may answer any number of requests at the same time. Its fields must not change after the
// first use, and it must not be copied after that.
type Files struct {
	// Root is the folder. It must be set. It may be a symbolic link, which is resolved again once a
	// second.
	Root string

	// Symlinks says which symbolic links below Root are followed. Zero means
	// exchange.SymlinksOwner: links that belong to root or to the owner of their target.
	Symlinks exchange.Symlinks

	// ErrorLog gets one record at level Warn for each file that exists and was not sent, with the
	// reason. Nil means the error stream of the request.
	ErrorLog *slog.Logger

	once sync.Once
	root exchange.Root
}

// Check returns an error if Root cannot be served, so that a program can report it before it
// listens.
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
	if method := r.Environ.Get("REQUEST_METHOD"); method != "GET" && method != "HEAD" {
		return page{status: "405 Method Not Allowed", allow: "GET, HEAD", text: "Only GET and HEAD are allowed here.\n"}.send(w)
	}
	return httpapp.New(found).ServeGateway(w, r)
}

// refuse answers a request whose file is not sent, and logs the reason if the file exists.
func (f *Files) refuse(w gateway.ResponseWriter, r *gateway.Request, err error) error {
	lacking, missing := (*unslashed)(nil), (*exchange.RootError)(nil)
	switch {
	case errors.As(err, &missing), exchange.IsShortage(err):
		return siteError(err)
	case errors.As(err, &lacking):
		return lacking.redirectPage(r).send(w)
	case isLink(err), errors.Is(err, exchange.ErrIrregular):
		newLineWriter(f.ErrorLog, r).Warn(err.Error())
		err = ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		newLineWriter(f.ErrorLog, r).Warn(err.Error())
		return page{status: "403 Forbidden", text: "This may not be read.\n"}.send(w)
	case errors.Is(err, fs.ErrNotExist):
		err = ErrNotFound
	}
	if p, ok := errorPage(r, err); ok {
		return p.send(w)
	}
	return err
}

// unslashed is the error for the name of a folder without a slash at its end.
type unslashed struct{ name string }

func (*unslashed) Error() string { return "host: the path of a folder has no slash at its end" }

// redirectPage redirects to the name with a slash. The Location is relative, since a proxy may have
// changed the beginning of the path.
func (u *unslashed) redirectPage(r *gateway.Request) page {
	to := url.URL{Path: path.Base(u.name) + "/", RawQuery: r.Environ.Get("QUERY_STRING")}
	return page{status: movedStatus(r), location: to.String(), text: "The folder is at the path with a slash.\n"}
}
