package host

import (
	"errors"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

var (
	errOutside = errors.New("host: the path is outside the mount")
	errConnect = errors.New("host: CONNECT is a method of proxies only")
	errNoPath  = errors.New("host: the web server sent none of SCRIPT_NAME, PATH_INFO, DOCUMENT_URI and REQUEST_URI, " +
		"so the request has no path (nginx: include scgi_params or fastcgi_params; with --mount / REQUEST_URI is enough)")
)

// location is the path of a request, split at the mount.
type location struct {
	mount string // path of the application, or of Root: SCRIPT_NAME without a script
	info  string // the decoded path below it

	// If the request came over HTTP, sent is true and target is the path below mount as the client
	// sent it. Otherwise a web server has interpreted the path.
	target exchange.Target
	sent   bool
}

// locate splits the path of r at the mount. It completes the Environ of r if the web server has
// sent no path.
func (h *Handler) locate(r *gateway.Request) (location, error) {
	if r.Environ.Get("REQUEST_METHOD") == "CONNECT" {
		return location{}, errConnect
	}
	known, err := true, error(nil)
	if r.EscapedPath == "" {
		known, err = exchange.Complete(r)
	}
	if err != nil {
		return location{}, err
	}
	t, sent, err := exchange.TargetOf(r)
	switch {
	case err != nil:
		return location{}, err
	case sent:
		return h.locateTarget(r, t)
	case !known && (h.Mount != "" || h.hasFiles()):
		return location{}, errNoPath
	}
	return h.locateVariables(r.Environ)
}

// locateTarget splits the path of an HTTP request. Without a Mount, it splits where the server, or
// an App that calls the Handler, has split it.
func (h *Handler) locateTarget(r *gateway.Request, t exchange.Target) (l location, err error) {
	l = location{mount: util.CleanMount(h.Mount), sent: true}
	if h.Mount == "" {
		l.mount = util.CleanMount(r.Environ.Get("SCRIPT_NAME"))
	}
	rest, ok := t.Below(l.mount)
	if !ok {
		return l, outsideError(r.EscapedPath, l.mount)
	}
	l.target = rest
	l.info, err = rest.After("")
	return l, err
}

// outsideError returns the error for a path that is not below the mount: 400 if ".." leads out of
// it, and otherwise 404.
func outsideError(path, mount string) error {
	if _, was := util.CutMount(path, mount); was {
		return &gateway.RequestError{Reason: "path that leads out of the mount", Input: truncate(path)}
	}
	return errOutside
}

// hasFiles reports whether paths are compared with files below Root.
func (h *Handler) hasFiles() bool { return len(h.SplitPath) > 0 || h.Next != nil }

// locateVariables returns the location in the variables of a web server. With a Mount or files, it
// splits the whole path again.
func (h *Handler) locateVariables(e *util.Environ) (location, error) {
	if h.Mount == "" && !h.hasFiles() {
		return location{mount: e.Get("SCRIPT_NAME"), info: e.Get("PATH_INFO")}, nil
	}
	mount := util.CleanMount(h.Mount)
	info, ok := strings.CutPrefix(exchange.FullPath(e), mount)
	if !ok || info != "" && info[0] != '/' {
		return location{}, errOutside
	}
	return location{mount: mount, info: info}, nil
}

// requestBelowMount returns the current request, split at the mount.
func (x *relay) requestBelowMount() *gateway.Request {
	c := *x.current
	c.Environ = c.Environ.Clone()
	c.Environ.Set("SCRIPT_NAME", x.place.mount)
	c.Environ.Set("PATH_INFO", x.place.info)
	return &c
}
