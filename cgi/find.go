package cgi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// script is the script that answers a request, with its environ.
type script struct {
	path    string // absolute
	environ *util.Environ
}

// find finds the script of r, in the order that Dir documents. It does not change the Environ of r.
// The error is a *refusal if no script is found, and a *gateway.RequestError for an invalid path.
func find(f *exchange.Folder, r *gateway.Request) (*script, error) {
	rest, named := pathBelow(f, filename(r.Environ))
	var missing error
	if named {
		found, err := byFilename(f, r.Environ, rest)
		if !isAbsent(err) {
			return found, err
		}
		missing = err
	}
	found, err := byPathOf(f, r, missing)
	if !named && r.Environ.Get("SCRIPT_FILENAME") != "" {
		err = afterMove(err)
	}
	return found, err
}

// byPathOf finds the script by the path of r. missing is as for byVariables.
func byPathOf(f *exchange.Folder, r *gateway.Request, missing error) (*script, error) {
	c := *r
	c.Environ = r.Environ.Clone()
	if _, err := exchange.Complete(&c); err != nil {
		return nil, err
	}
	target, sent, err := exchange.TargetOf(&c)
	switch {
	case err != nil:
		return nil, err
	case sent:
		return byTarget(f, c.Environ, target)
	}
	return byVariables(f, c.Environ, missing)
}

// filename returns SCRIPT_FILENAME as a path. Apache's mod_proxy prefixes it with the address, such
// as proxy:fcgi://host:port.
func filename(e *util.Environ) string {
	name := e.Get("SCRIPT_FILENAME")
	proxied, ok := strings.CutPrefix(name, "proxy:")
	if !ok {
		return name
	}
	_, address, _ := strings.Cut(proxied, "://")
	if slash := strings.IndexByte(address, '/'); slash >= 0 {
		return address[slash:]
	}
	return ""
}

// byFilename finds the script by SCRIPT_FILENAME, whose path in the folder is rest. A web server
// that does not split the path sends the complete path, PATH_INFO included, in SCRIPT_FILENAME.
func byFilename(f *exchange.Folder, e *util.Environ, rest string) (*script, error) {
	path, left, err := resolve(f, rest)
	if err != nil {
		return nil, err
	}
	if left == "" {
		return &script{path, e}, nil
	}
	full := exchange.FullPath(e)
	for _, info := range []string{left + e.Get("PATH_INFO"), left} {
		if name, ok := strings.CutSuffix(full, info); ok {
			return split(e.Clone(), path, name, info), nil
		}
	}
	return nil, notFound(f.Path()+rest, "is below a file")
}

// byTarget finds the script by the path of an HTTP request.
func byTarget(f *exchange.Folder, e *util.Environ, t exchange.Target) (*script, error) {
	mount := util.CleanMount(e.Get("SCRIPT_NAME"))
	t, ok := t.Below(mount)
	if !ok {
		return nil, notFound(exchange.FullPath(e), "leads out of the folder's mount")
	}
	names, complete := t.Names()
	path, left, err := resolve(f, names)
	if isAbsent(err) && !complete {
		return nil, notFound(f.Path()+names, "is followed by an encoded slash, and no script")
	}
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(names, left)
	info, err := t.After(name)
	if err != nil {
		return nil, err
	}
	return split(e, path, mount+name, info), nil
}

// byVariables finds the script by the variables of a web server. If SCRIPT_FILENAME names a file in
// the folder that does not exist, missing is the refusal for that; otherwise it is nil.
func byVariables(f *exchange.Folder, e *util.Environ, missing error) (*script, error) {
	var paths []string // in the folder
	root := e.Get("DOCUMENT_ROOT")
	rest, certain := pathBelow(f, documentPath(e))
	if certain = certain && root != ""; certain {
		paths = append(paths, rest)
	}
	if missing == nil {
		paths = append(paths, candidates(e)...)
	}
	for i, path := range paths {
		found, err := byPath(f, e, path)
		if !isAbsent(err) {
			return found, err
		}
		if missing == nil || i > 0 && !certain {
			missing = err
		}
	}
	return nil, withHint(f, e, missing)
}

// documentPath returns DOCUMENT_ROOT with SCRIPT_NAME and PATH_INFO. The slash between them may be
// at the end of DOCUMENT_ROOT, as in the example of fcgiwrap's manual.
func documentPath(e *util.Environ) string {
	root, path := e.Get("DOCUMENT_ROOT"), exchange.FullPath(e)
	if strings.HasPrefix(path, "/") {
		root = strings.TrimSuffix(root, "/")
	}
	return root + path
}

// byPath finds the script by a path in the folder that has the same end as the full path.
func byPath(f *exchange.Folder, e *util.Environ, path string) (*script, error) {
	file, left, err := resolve(f, path)
	if err != nil {
		return nil, err
	}
	name, ok := strings.CutSuffix(exchange.FullPath(e), left)
	if !ok {
		return nil, notFound(file, "is in the path of DOCUMENT_ROOT")
	}
	return split(e, file, name, left), nil
}

// candidates returns the paths to try if no path that the web server sent is in the folder.
func candidates(e *util.Environ) []string {
	full, info := exchange.FullPath(e), e.Get("PATH_INFO")
	paths := []string{full}
	if rest, ok := proxied(e, full); ok {
		paths = []string{rest, full}
	}
	if info != full {
		paths = append(paths, info)
	}
	return paths
}

// proxied returns the path below the address of Apache's ProxyPass. The full path ends with it.
// Apache may send it encoded.
func proxied(e *util.Environ, full string) (path string, ok bool) {
	if !strings.HasPrefix(e.Get("SCRIPT_FILENAME"), "proxy:") {
		return "", false
	}
	path = filename(e)
	if decoded, ok := util.DecodePath(path); ok && strings.HasSuffix(full, decoded) {
		return decoded, true
	}
	return path, strings.HasSuffix(full, path)
}

// withHint adds to the logged detail of a refusal why the web server's variables may not name a
// script, and the flag that helps.
func withHint(f *exchange.Folder, e *util.Environ, err error) error {
	refused := (*refusal)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	c, name := *refused, e.Get("SCRIPT_FILENAME")
	if _, named := pathBelow(f, filename(e)); name != "" && !named {
		c.detail += fmt.Sprintf(", and SCRIPT_FILENAME %.256q is outside the folder", name)
	}
	if e.Get("SCRIPT_NAME") != "" {
		c.detail += "; if the site has the folder at a path, name it by --mount PATH (Mount in a program)"
	}
	return &c
}

// split sets the variables for the script at path. name and info are the parts of the URL's path
// before and after the end of the script's name.
func split(e *util.Environ, path, name, info string) *script {
	e.Set("SCRIPT_FILENAME", path)
	e.Set("SCRIPT_NAME", name)
	e.Set("PATH_INFO", info)
	e.Del("PATH_TRANSLATED")
	if root := e.Get("DOCUMENT_ROOT"); root != "" && info != "" {
		e.Set("PATH_TRANSLATED", exchange.PathTranslated(root, info))
	}
	return &script{path, e}
}
