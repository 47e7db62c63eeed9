package cgi

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Named is a gateway.Backend that runs the script that a web server names by its absolute path, as
// fcgiwrap does. It runs only what is in Paths. It is safe for concurrent use. Its fields must not
// change while it is used, and it must not be copied after its first use.
//
// One Named serves several sites of a web server, such as git-http-backend and a folder of scripts.
// For a folder whose scripts are named by the path of a URL, use a [Dir].
//
// # How the script is found
//
// SCRIPT_FILENAME is the absolute path of the script. Without it, the path is DOCUMENT_ROOT with
// SCRIPT_NAME and PATH_INFO. The script is the first file on that path, and the path after it is
// PATH_INFO. A request with neither SCRIPT_FILENAME nor DOCUMENT_ROOT, such as one over HTTP, gets
// a 403.
//
// The variables are set, files are refused and the working folder is chosen as by a Dir. A path
// that is not below one of Paths gets a 403.
type Named struct {
	// Paths are absolute paths: of scripts, and of folders whose scripts may run. A path that is
	// not a folder at the first request is that of a script.
	Paths []string

	// Symlinks selects which symbolic links are followed: those below the folders, and scripts of
	// Paths that are links. Zero is exchange.SymlinksOwner.
	Symlinks exchange.Symlinks

	// Script has the settings for each script. Its Path is not used. MaxScripts bounds all scripts
	// together.
	Script Script

	once   sync.Once
	places []*place
}

// place is one of Named.Paths: a folder, or a single script in it.
type place struct {
	root exchange.Root
	name string // of the script; "" for all of the folder
}

// RoundTrip implements gateway.Backend.
func (n *Named) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	n.once.Do(n.preparePlaces)
	found, err := n.find(r)
	return n.Script.runFound(r, found, err)
}

// Close closes the Script: see [Script.Close].
func (n *Named) Close() error { return n.Script.Close() }

func (n *Named) preparePlaces() {
	for _, path := range n.Paths {
		p := new(place)
		p.root.Path, p.root.Symlinks = path, n.Symlinks
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			p.root.Path, p.name = filepath.Dir(path), filepath.Base(path)
		}
		n.places = append(n.places, p)
	}
}

// find finds the script of r. The errors are those of the function find.
func (n *Named) find(r *gateway.Request) (*script, error) {
	if path := filename(r.Environ); path != "" {
		return n.search(path, func(f *exchange.Folder, rest string) (*script, error) { return byFilename(f, r.Environ, rest) })
	}
	c := *r
	c.Environ = r.Environ.Clone()
	if _, err := exchange.Complete(&c); err != nil {
		return nil, err
	}
	if c.Environ.Get("DOCUMENT_ROOT") == "" {
		return nil, forbidden(exchange.FullPath(c.Environ), "names no script: the web server must send SCRIPT_FILENAME, or DOCUMENT_ROOT and SCRIPT_NAME")
	}
	return n.search(documentPath(c.Environ), func(f *exchange.Folder, rest string) (*script, error) { return byPath(f, c.Environ, rest) })
}

// search looks for a script in each place that an absolute path leads to. It calls find with the
// part of the path that is below the folder of the place.
func (n *Named) search(path string, find func(f *exchange.Folder, rest string) (*script, error)) (found *script, err error) {
	var missing error
	for _, p := range n.places {
		err := p.root.Use(func(f *exchange.Folder) (err error) {
			rest, below := pathBelow(f, path)
			if !below || !p.has(rest) {
				return nil
			}
			found, err = find(f, rest)
			return err
		})
		if found != nil || err != nil && !isAbsent(err) {
			return found, err
		}
		missing = cmp.Or(missing, err)
	}
	return nil, cmp.Or(missing, forbidden(path, fmt.Sprintf("is not among the scripts that may run: %.512q", n.Paths)))
}

// has reports whether a path below the folder leads to what may run.
func (p *place) has(rest string) bool {
	if p.name == "" {
		return true
	}
	info, ok := strings.CutPrefix(rest, "/"+p.name)
	return ok && (info == "" || info[0] == '/')
}
