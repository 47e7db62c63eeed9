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
	"github.com/cgikit/cgikit/util"
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
//   - A file has a strong ETag, made from its size and the time of its last change, which is also
//     its Last-Modified.
//
// For a folder, its file index.html is sent, or, if there is none, a list of its files. The path of
// a folder without a slash at its end is redirected to the path with it, and the query is kept.
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

	// Fallback is the path of the file below Root that is sent, with status 200, for a path at
	// which there is no file: "/index.html" for an application that runs in the browser. It is also
	// sent for a folder without index.html, in place of a list, but not for hidden names. Empty
	// means a
	// 404. It is the last argument of nginx's "try_files $uri $uri/ /index.html"; several
	// alternatives are not supported.
	Fallback string

	// Precompressed sends NAME.br or NAME.gz, if it exists beside the file NAME, to a client whose
	// Accept-Encoding prefers it, as nginx's gzip_static does: with the Content-Type of NAME, and
	// its own ETag and Last-Modified. As with nginx, it is sent whole to a client that asks for a
	// range. NAME must exist too. If one of them exists, the response has "Vary: Accept-Encoding".
	// They must have the same content as NAME: a file that is older than NAME is sent too, since
	// tools set the times of such files in different ways.
	Precompressed bool

	// Deny has patterns of paths that are answered 403 and are in no list. Handler.Deny describes
	// them.
	Deny []string

	// ErrorLog gets one record at level Warn for each file that exists and was not sent, with the
	// reason. Nil means the error stream of the request.
	ErrorLog *slog.Logger

	once   sync.Once
	root   exchange.Root
	denied []pathPattern
	faulty error // the error of Deny
}

// Check returns an error if Root cannot be served, and a [*FieldError] if Fallback is not a file
// below it or Deny is malformed, so that a program can report it before it listens.
func (f *Files) Check() error {
	return f.folder().Use(func(folder *exchange.Folder) error {
		if f.Fallback == "" || f.faulty != nil {
			return f.faulty
		}
		if found, err := folder.Find(f.Fallback); err != nil || found.Rest != "" || !found.Mode.IsRegular() {
			return fieldError("Fallback", "%.64q is not the path of a file below the folder", f.Fallback)
		}
		return nil
	})
}

// Reload opens Root again if its path leads elsewhere now, without a wait for the next check. After
// an error the old folder stays in use: see [exchange.Root.Reload].
func (f *Files) Reload() error { return f.folder().Reload() }

func (f *Files) folder() *exchange.Root {
	f.once.Do(func() {
		f.root.Path, f.root.Symlinks = f.Root, f.Symlinks
		f.denied, f.faulty = parsePatterns("Deny", f.Deny)
	})
	return &f.root
}

// ServeGateway implements gateway.App.
func (f *Files) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	root := f.folder()
	if f.faulty != nil {
		return f.faulty
	}
	r, err := withPath(r)
	if err == nil {
		err = checkDenied(f.denied, r)
	}
	if err != nil {
		return f.refuse(w, r, err)
	}
	var found *content
	err = root.Use(func(folder *exchange.Folder) (err error) {
		found, err = f.find(folder, r)
		return err
	})
	if err != nil {
		return f.refuse(w, r, err)
	}
	defer found.Close()
	method := r.Environ.Get("REQUEST_METHOD")
	switch {
	case method != "GET" && method != "HEAD":
		return page{status: "405 Method Not Allowed", allow: "GET, HEAD", text: "Only GET and HEAD are allowed here.\n"}.send(w)
	case found.isPlain(r):
		return found.send(w, method)
	}
	return httpapp.New(found).ServeGateway(w, r)
}

// find opens the content for the path of r.
func (f *Files) find(folder *exchange.Folder, r *gateway.Request) (*content, error) {
	name, err := filePath(r)
	var found *content
	if err == nil {
		found, err = findContent(folder, name)
	}
	if f.Fallback != "" && (err == nil && found.Mode.IsDir() || isAbsent(err) && !exchange.IsHidden(name)) {
		if err == nil {
			found.Close()
		}
		found, err = openContent(folder, f.Fallback)
	}
	if err != nil {
		return nil, err
	}
	found.denied, found.mount = f.denied, util.CleanMount(r.Environ.Get("SCRIPT_NAME"))
	if matchAny(f.denied, found.mount+found.name) { // an index or the Fallback
		found.Close()
		return nil, ErrDenied
	}
	if f.Precompressed && !found.Mode.IsDir() {
		return found.encoded(folder, r.Environ.Get("HTTP_ACCEPT_ENCODING"))
	}
	return found, nil
}

// isAbsent reports whether err means that no file has the name, so that the Fallback is sent.
func isAbsent(err error) bool {
	return (errors.Is(err, fs.ErrNotExist) || err == ErrNotFound) && !isLink(err)
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
