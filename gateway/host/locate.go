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
	errConnect = errors.New("host: CONNECT is for proxies")
	errNoPath  = errors.New("host: the web server sent none of SCRIPT_NAME, PATH_INFO, DOCUMENT_URI and REQUEST_URI, " +
		"so that the request has no path (nginx: include scgi_params or fastcgi_params; with --mount / REQUEST_URI is enough)")
)

// location is the place in the site that a request asks for.
type location struct {
	mount string // of the application, or of Root: SCRIPT_NAME without a script
	info  string // the decoded path below it

	// target is the path below mount as the client sent it, and sent is true, where the request
	// came over HTTP. A web server has decided what the path says.
	target exchange.Target
	sent   bool
}

// locate splits the path of r at the mount. It completes the Environ of r where the web server has
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
	case !known && (h.Mount != "" || len(h.SplitPath) > 0):
		return location{}, errNoPath
	}
	return h.locateVariables(r.Environ)
}

// locateTarget splits the path of an HTTP request. Without a Mount it is split where a server or an
// App before the Handler has split it.
func (h *Handler) locateTarget(r *gateway.Request, t exchange.Target) (l location, err error) {
	l = location{mount: util.CleanMount(h.Mount), sent: true}
	if h.Mount == "" {
		l.mount = util.CleanMount(r.Environ.Get("SCRIPT_NAME"))
	}
	rest, ok := t.Below(l.mount)
	if !ok {
		return l, outside(r.EscapedPath, l.mount)
	}
	l.target = rest
	l.info, err = rest.After("")
	return l, err
}

// outside is the error for a path that is not below the mount: 400 where ".." leads out of it, and
// 404 otherwise.
func outside(path, mount string) error {
	if _, was := util.CutMount(path, mount); was {
		return &gateway.RequestError{Reason: "path that leads out of the mount", Input: cut(path)}
	}
	return errOutside
}

// locateVariables goes by the variables of a web server. They stay as they are, unless there is a
// Mount, or a script to be looked for in the whole path.
func (h *Handler) locateVariables(e *util.Environ) (location, error) {
	if h.Mount == "" && len(h.SplitPath) == 0 {
		return location{mount: e.Get("SCRIPT_NAME"), info: e.Get("PATH_INFO")}, nil
	}
	mount := util.CleanMount(h.Mount)
	info, ok := strings.CutPrefix(exchange.FullPath(e), mount)
	if !ok || info != "" && info[0] != '/' {
		return location{}, errOutside
	}
	return location{mount: mount, info: info}, nil
}

// relocated returns the current request as it is below the mount.
func (x *relay) relocated() *gateway.Request {
	c := *x.current
	c.Environ = c.Environ.Clone()
	c.Environ.Set("SCRIPT_NAME", x.place.mount)
	c.Environ.Set("PATH_INFO", x.place.info)
	return &c
}
