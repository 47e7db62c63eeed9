package host

import (
	"cmp"
	"errors"
	"net/netip"
	"path"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// removed are variables that a backend must not hear from who sends the request: see the package documentation.
var removed = []string{"HTTP_PROXY", "HTTP_TRANSFER_ENCODING", "PHP_VALUE", "PHP_ADMIN_VALUE"}

// describe returns the request for the backend. r stays as it is.
func (x *relay) describe(r *gateway.Request) (*gateway.Request, error) {
	h, e := x.handler, r.Environ.Clone()
	if err := checkValues(e); err != nil {
		return nil, err
	}
	for _, name := range removed {
		e.Del(name)
	}
	if !h.PassAuthorization {
		e.Del("HTTP_AUTHORIZATION")
	}
	complete(e, r.Scheme)
	if err := x.place(e); err != nil {
		return nil, err
	}
	for _, entry := range h.Env {
		name, value, _ := strings.Cut(entry, "=") // it has one: see checkVariable
		e.Set(name, value)
	}
	if x.stderr == nil {
		x.stderr = newLineWriter(h.ErrorLog, r)
	}
	c := *r
	c.Environ, c.Stderr = e, x.stderr
	if h.Prepare != nil {
		h.Prepare(&c)
	}
	c.Scheme = util.GuessScheme(e)
	return &c, nil
}

// checkValues refuses what old versions of bash run as code when it stands in their environment (CVE-2014-6271).
func checkValues(e *util.Environ) error {
	for _, value := range e.All() {
		if strings.HasPrefix(value, "() {") {
			return &gateway.RequestError{Reason: "value that begins as a shell function does", Input: cut(value)}
		}
	}
	return nil
}

// complete sets what RFC 3875 section 4.1 requires and a request from another protocol, or a client of net/http, may lack.
func complete(e *util.Environ, scheme string) {
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
	if remote := e.Get("REMOTE_ADDR"); isAddress(remote) {
		setDefault(e, "REMOTE_HOST", remote)
	}
	e.Set("REDIRECT_STATUS", "200")
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// setDefault sets a variable that is missing or empty.
func setDefault(e *util.Environ, name, value string) {
	if e.Get(name) == "" {
		e.Set(name, value)
	}
}

// place says where in the site the request leads: to the application, or to a script below Root.
func (x *relay) place(e *util.Environ) error {
	h := x.handler
	script, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO")
	root, err := h.rootForBackend()
	if err != nil {
		return err
	}
	if len(h.SplitPath) > 0 {
		found, err := h.resolve(e)
		if err != nil {
			x.warnOfFile(err)
			return err
		}
		if h.ResolveRoot {
			root = found.root
		}
		x.access.Script = found.Filename
		script, info = util.CleanMount(h.Mount)+found.Name, found.PathInfo
		e.Set("SCRIPT_FILENAME", h.asBackendSees(root, found.Name))
	}
	e.Set("SCRIPT_NAME", script)
	e.Set("PATH_INFO", info)
	e.Set("DOCUMENT_URI", script+info)
	if h.Root == "" {
		return nil
	}
	e.Set("DOCUMENT_ROOT", root)
	e.Del("PATH_TRANSLATED")
	if info != "" {
		e.Set("PATH_TRANSLATED", h.asBackendSees(root, path.Clean("/"+info)))
	}
	return nil
}

// rootForBackend is the DOCUMENT_ROOT.
func (h *Handler) rootForBackend() (root string, err error) {
	if !h.ResolveRoot {
		return cmp.Or(h.BackendRoot, h.Root), nil
	}
	err = h.root.Use(func(f *exchange.Folder) error {
		root = f.Real()
		return nil
	})
	if err != nil {
		return "", unreadable(err)
	}
	return root, nil
}

// asBackendSees is the file of a path below root, in the backend's own world.
func (h *Handler) asBackendSees(root, name string) string {
	if h.BackendRoot != "" {
		return strings.TrimSuffix(root, "/") + name
	}
	return filepath.Join(root, filepath.FromSlash(name))
}

// warnOfFile logs why a file that is there is answered as if it were not.
func (x *relay) warnOfFile(err error) {
	if errors.Is(err, ErrNotFound) && err != ErrNotFound {
		newLineWriter(x.handler.ErrorLog, x.current).Warn(strings.TrimPrefix(err.Error(), "host: "))
	}
}

// resolve finds the script of a request.
func (h *Handler) resolve(e *util.Environ) (Script, error) {
	uri, _, _ := strings.Cut(e.Get("REQUEST_URI"), "?")
	if strings.Contains(strings.ToLower(uri), "%2f") {
		return Script{}, &gateway.RequestError{Reason: "encoded slash in the path", Input: cut(uri)}
	}
	mount, full := util.CleanMount(h.Mount), fullPath(e)
	rest, ok := strings.CutPrefix(full, mount)
	switch {
	case !ok, rest != "" && rest[0] != '/':
		return Script{}, ErrNotFound
	case rest == "" && mount != "":
		return Script{}, ErrFolder
	case rest == "":
		rest = "/"
	}
	s := Scripts{Root: h.Root, SplitPath: h.SplitPath, Index: h.Index, Fallback: h.Fallback}
	return s.resolveIn(&h.root, rest)
}

// fullPath is the decoded path that the client asked for. Servers draw the line between its two parts in different places.
func fullPath(e *util.Environ) string { return e.Get("SCRIPT_NAME") + e.Get("PATH_INFO") }
