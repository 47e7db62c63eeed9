package host

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// offloadFolder is an entry of Handler.Offload.
type offloadFolder struct {
	prefix string // as util.CleanMount returns it
	root   exchange.Root
}

// offloadFolders returns the entries of Offload, the longest prefix first.
func (h *Handler) offloadFolders() (folders []*offloadFolder) {
	for prefix, dir := range h.Offload {
		folders = append(folders, &offloadFolder{
			prefix: util.CleanMount(prefix),
			root:   exchange.Root{Path: dir, Symlinks: h.Symlinks, Hidden: true},
		})
	}
	slices.SortFunc(folders, func(a, b *offloadFolder) int {
		return cmp.Or(len(b.prefix)-len(a.prefix), strings.Compare(a.prefix, b.prefix))
	})
	return folders
}

// openOffloaded opens the file that a response names. It returns nil if the response names none, or
// if Offload is empty.
func (x *relay) openOffloaded(resp *gateway.Response) (*os.File, error) {
	folders := x.handler.offload
	if len(folders) == 0 || x.passesAccel() || exchange.HasNoBody(resp.Status) {
		return nil, nil
	}
	open, named := openAccel, resp.Headers.Get("X-Accel-Redirect")
	if named == "" {
		open, named = openSendfile, cmp.Or(resp.Headers.Get("X-Sendfile"), resp.Headers.Get("X-LIGHTTPD-send-file"))
	}
	if named == "" {
		return nil, nil
	}
	file, err := open(folders, named)
	missing := (*exchange.RootError)(nil)
	switch {
	case err == nil:
		return file, nil
	case errors.As(err, &missing), exchange.IsShortage(err):
		return nil, siteError(err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %.64q of the application", ErrNotFound, named)
	}
	return nil, &gateway.BackendError{
		Status: 502, Reason: "the application named a file that cannot be sent", Err: fmt.Errorf("%.64q: %w", named, err),
	}
}

var errNoFolder = errors.New("is not in a folder of Offload")

// openAccel opens the file of a path in X-Accel-Redirect, below the folder of the longest prefix.
// The path may be encoded and have a query, as in nginx. Empty segments and "." are removed.
func openAccel(folders []*offloadFolder, target string) (*os.File, error) {
	target, _, _ = strings.Cut(target, "?")
	name, ok := util.DecodePath(target)
	if !ok {
		return nil, errors.New("is not a path")
	}
	name, err := plainPath(name)
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		if local, ok := strings.CutPrefix(name, f.prefix); ok && strings.HasPrefix(local, "/") {
			return f.open(local)
		}
	}
	return nil, errNoFolder
}

// openSendfile opens the file of an absolute path in X-Sendfile, which is not decoded, in the
// folder whose path is its longest prefix.
func openSendfile(folders []*offloadFolder, name string) (*os.File, error) {
	if !filepath.IsAbs(name) {
		return nil, errors.New("is not an absolute path")
	}
	name, err := plainPath(filepath.ToSlash(name))
	if err != nil {
		return nil, err
	}
	var best *offloadFolder
	longest := -1
	for _, f := range folders {
		if n := f.prefixLength(name); n > longest {
			best, longest = f, n
		}
	}
	if best == nil {
		return nil, errNoFolder
	}
	return best.open(name[longest:])
}

// plainPath removes empty segments and "." from a path, and refuses "..".
func plainPath(path string) (string, error) {
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
			continue
		case "..":
			return "", errors.New(`has a segment ".."`)
		}
		b.WriteByte('/')
		b.WriteString(segment)
	}
	return b.String(), nil
}

// prefixLength returns the length of the folder's path if name is below it, and otherwise -1. The
// path is the configured one or the one without symbolic links.
func (f *offloadFolder) prefixLength(name string) (length int) {
	paths := []string{f.root.Path}
	_ = f.root.Use(func(folder *exchange.Folder) error {
		paths = append(paths, folder.Real())
		return nil
	})
	length = -1
	for _, path := range paths {
		path, err := plainPath(filepath.ToSlash(path))
		if err == nil && strings.HasPrefix(name, path+"/") {
			length = max(length, len(path))
		}
	}
	return length
}

// open opens the regular file at a path below the folder.
func (f *offloadFolder) open(local string) (file *os.File, err error) {
	err = f.root.Use(func(folder *exchange.Folder) error {
		if file, err = folder.Open(local); err != nil {
			return err
		}
		info, err := file.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("is not a regular file")
		}
		if err != nil {
			file.Close()
		}
		return err
	})
	return file, err
}
