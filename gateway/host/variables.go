package host

import (
	"cmp"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// removed has the variables that the sender of a request must not set: see [Handler].
var removed = []string{"HTTP_PROXY", "HTTP_TRANSFER_ENCODING", "PHP_VALUE", "PHP_ADMIN_VALUE"}

// describe returns the request for the backend. It does not change r.
func (x *relay) describe(r *gateway.Request) (*gateway.Request, error) {
	h, c := x.handler, *r
	c.Environ = r.Environ.Clone()
	e := c.Environ
	if err := checkValues(e); err != nil {
		return nil, err
	}
	for _, name := range removed {
		e.Del(name)
	}
	if !h.PassAuthorization {
		e.Del("HTTP_AUTHORIZATION")
	}
	setMissing(e, r.Scheme)
	if err := x.describePath(&c); err != nil {
		return nil, err
	}
	for _, entry := range h.Env {
		name, value, _ := strings.Cut(entry, "=") // checkVariable has found the "="
		e.Set(name, value)
	}
	if x.stderr == nil {
		x.stderr = newLineWriter(h.ErrorLog, r)
	}
	c.Stderr = x.stderr
	if h.Prepare != nil {
		h.Prepare(&c)
	}
	c.Scheme = util.GuessScheme(e)
	return &c, nil
}

// checkValues refuses values that old versions of bash run as code when they are in its environment
// (CVE-2014-6271).
func checkValues(e *util.Environ) error {
	for _, value := range e.All() {
		if strings.HasPrefix(value, "() {") {
			return &gateway.RequestError{Reason: "value that begins as a shell function does", Input: truncate(value)}
		}
	}
	return nil
}

// setMissing sets the variables that RFC 3875 section 4.1 requires, and that a request from another
// protocol, or from an http.Client, may lack.
func setMissing(e *util.Environ, scheme string) {
	e.Set("GATEWAY_INTERFACE", "CGI/1.1")
	scheme = cmp.Or(e.Get("REQUEST_SCHEME"), scheme, "http")
	port := "80"
	if scheme == "https" {
		port = "443"
		setDefault(e, "HTTPS", "on")
	}
	for _, v := range [][2]string{
		{"SERVER_SOFTWARE", "cgikit"},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"SERVER_NAME", "localhost"},
		{"SERVER_PORT", port},
		{"REQUEST_METHOD", "GET"},
		{"REQUEST_SCHEME", scheme},
	} {
		setDefault(e, v[0], v[1])
	}
	if _, ok := e.Lookup("QUERY_STRING"); !ok {
		e.Set("QUERY_STRING", "")
	}
	if ip, err := netip.ParseAddr(e.Get("REMOTE_ADDR")); err == nil {
		// REMOTE_ADDR of a web server is not changed
		setDefault(e, "REMOTE_HOST", ip.WithZone("").Unmap().String())
	}
	e.Set("REDIRECT_STATUS", "200")
}

// setDefault sets a variable that is missing or empty.
func setDefault(e *util.Environ, name, value string) {
	if e.Get(name) == "" {
		e.Set(name, value)
	}
}

// describePath sets the variables of the path, which leads to the application or to a script below
// Root.
func (x *relay) describePath(r *gateway.Request) (err error) {
	h, e := x.handler, r.Environ
	if x.place, err = h.locate(r); err != nil {
		return err
	}
	if err := checkDenied(h.denied, r); err != nil {
		return err
	}
	root, err := h.rootForBackend()
	if err != nil {
		return err
	}
	found, err := x.resolve()
	if err != nil {
		return err
	}
	script, info := x.place.mount, x.place.info
	if found.Filename != "" {
		if h.ResolveRoot {
			root = found.root
		}
		x.access.Script = found.Filename
		script, info = script+found.Name, found.PathInfo
		e.Set("SCRIPT_FILENAME", h.backendFilename(root, found.Name))
	}
	e.Set("SCRIPT_NAME", script)
	e.Set("PATH_INFO", info)
	e.Set("DOCUMENT_URI", script+info)
	if h.Root != "" {
		h.setFilePaths(e, root, info)
	}
	return nil
}

// resolve returns the script for the current path. It is zero if the path belongs to a backend that
// is one application.
func (x *relay) resolve() (Script, error) {
	h, isApp := x.handler, len(x.handler.SplitPath) == 0
	if isApp && (h.Next == nil || x.place.info == "") {
		return Script{}, nil
	}
	found, err := h.resolve(x.place)
	if err != nil {
		x.warnUnresolved(err)
	}
	switch {
	case isApp && isMissing(err):
		return Script{}, nil
	case err == nil && matchAny(h.denied, x.place.mount+found.Name): // an index or the Fallback
		return Script{}, ErrDenied
	}
	return found, err
}

// setFilePaths sets DOCUMENT_ROOT and PATH_TRANSLATED.
func (h *Handler) setFilePaths(e *util.Environ, root, info string) {
	e.Set("DOCUMENT_ROOT", root)
	e.Del("PATH_TRANSLATED")
	if info != "" {
		e.Set("PATH_TRANSLATED", h.nativePath(exchange.PathTranslated(root, info)))
	}
}

// rootForBackend returns DOCUMENT_ROOT.
func (h *Handler) rootForBackend() (root string, err error) {
	if !h.ResolveRoot {
		return cmp.Or(h.BackendRoot, h.Root), nil
	}
	err = h.root.Use(func(f *exchange.Folder) error {
		root = f.Real()
		return nil
	})
	if err != nil {
		return "", siteError(err)
	}
	return root, nil
}

// backendFilename returns the file of a path below root, with the separators of the backend's
// system.
func (h *Handler) backendFilename(root, name string) string {
	return h.nativePath(strings.TrimSuffix(root, "/") + name)
}

// nativePath returns path with the separators of the backend's system, which is this system unless
// BackendRoot is set.
func (h *Handler) nativePath(path string) string {
	if h.BackendRoot != "" {
		return path
	}
	return filepath.FromSlash(path)
}

// warnUnresolved logs why a file that exists is answered like a missing one.
func (x *relay) warnUnresolved(err error) {
	if errors.Is(err, ErrNotFound) && err != ErrNotFound {
		newLineWriter(x.handler.ErrorLog, x.current).Warn(strings.TrimPrefix(err.Error(), "host: "))
	}
}

// resolve finds the script of a request.
func (h *Handler) resolve(l location) (found Script, err error) {
	if l.info == "" {
		if l.mount != "" {
			return Script{}, ErrFolder
		}
		l.info = "/"
	}
	names := l.info
	if prefix, whole := l.target.Names(); l.sent && !whole {
		names = prefix
	}
	s := Scripts{Root: h.Root, SplitPath: h.SplitPath, Index: h.Index, Fallback: h.Fallback}
	found, err = s.resolveIn(&h.root, names, l.info)
	if err == nil && names != l.info && found.Name+found.PathInfo == names {
		found.PathInfo, err = l.target.After(found.Name)
	}
	return found, err
}
