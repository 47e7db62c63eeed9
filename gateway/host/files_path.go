package host

import (
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// filePath returns the path of a request below the folder of a [Files]. If the web server has split
// the path, it does not include SCRIPT_NAME. If it has not, as nginx by default, SCRIPT_NAME is the
// whole path.
func filePath(r *gateway.Request) (string, error) {
	if r.Environ.Get("REQUEST_METHOD") == "CONNECT" {
		return "", errConnect
	}
	info, split := r.Environ.Lookup("PATH_INFO")
	mount := util.CleanMount(r.Environ.Get("SCRIPT_NAME"))
	if split && info == "" && mount != "" {
		return "", ErrFolder // the mount itself, which is a folder, without a slash
	}
	t, sent, err := exchange.TargetOf(r)
	below := true
	switch {
	case err != nil:
		return "", err
	case !sent:
		t, err = exchange.ParseTarget(encodedPath(r))
	default:
		t, below = t.Below(mount)
	}
	if !below {
		return "", outsideError(r.EscapedPath, mount)
	}
	name, whole := t.Names()
	if err == nil && !whole {
		err = ErrNotFound // no file has a slash in its name
	}
	return name, err
}

// withPath returns r if SCRIPT_NAME or PATH_INFO has the path, and otherwise a copy in which the
// path was completed from other variables.
func withPath(r *gateway.Request) (*gateway.Request, error) {
	if exchange.FullPath(r.Environ) != "" {
		return r, nil
	}
	c := *r
	c.Environ = r.Environ.Clone()
	_, err := exchange.Complete(&c)
	return &c, err
}

// encodedPath encodes again the path that a web server has decoded.
func encodedPath(r *gateway.Request) string {
	path := r.Environ.Get("PATH_INFO")
	if path == "" {
		path = exchange.FullPath(r.Environ)
	}
	return encode(path)
}
