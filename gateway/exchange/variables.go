package exchange

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Complete gives r a path where the web server sent neither SCRIPT_NAME nor PATH_INFO, as nginx
// does with its stock scgi_params: SCRIPT_NAME becomes empty, and PATH_INFO is DOCUMENT_URI, which
// is nginx's path after its rewrites. Without DOCUMENT_URI it is the path of REQUEST_URI, in the
// normal form of a [Target]. The Environ of r is changed in place.
//
// ok is false where nothing says what the path is. The error is that of [ParseTarget].
func Complete(r *gateway.Request) (ok bool, err error) {
	e := r.Environ
	_, hasScript := e.Lookup("SCRIPT_NAME")
	_, hasInfo := e.Lookup("PATH_INFO")
	if hasScript || hasInfo {
		return true, nil
	}
	info, uri := e.Get("DOCUMENT_URI"), util.TargetPath(e.Get("REQUEST_URI"))
	switch {
	case info != "":
	case uri == "":
		return false, nil
	case uri != "*": // the server as a whole has no path (RFC 9110 section 9.3.7)
		r.EscapedPath = uri
		t, err := ParseTarget(uri)
		if err != nil {
			return false, err
		}
		if info, err = t.After(""); err != nil {
			return false, err
		}
	}
	e.Set("SCRIPT_NAME", "")
	e.Set("PATH_INFO", info)
	return true, nil
}

// Mount is what a server does for its field Mount. It calls gateway.Mount, and takes a path that is
// below prefix only in the normal form of a [Target], such as "//app/x", in that form: web servers
// compare paths in it. sent is the gateway.Request.EscapedPath of the request if SCRIPT_NAME and
// PATH_INFO were made of REQUEST_URI. It is empty if they stayed as they were sent.
func Mount(e *util.Environ, prefix string) (sent string, err error) {
	_, hasScript := e.Lookup("SCRIPT_NAME")
	_, hasInfo := e.Lookup("PATH_INFO")
	uri := util.TargetPath(e.Get("REQUEST_URI"))
	if prefix == "" || uri == "" || hasScript && hasInfo {
		return "", nil
	}
	if err := gateway.Mount(e, prefix); err != nil {
		return uri, mountNormal(e, util.CleanMount(prefix), uri, err)
	}
	return uri, nil
}

// mountNormal sets the variables of a path in normal form, or returns err.
func mountNormal(e *util.Environ, mount, path string, err error) error {
	t, bad := ParseTarget(path)
	rest, ok := t.Below(mount)
	if bad != nil || !ok {
		return err
	}
	info, bad := rest.After("")
	if bad != nil {
		return err
	}
	e.Set("SCRIPT_NAME", mount)
	e.Set("PATH_INFO", info)
	return nil
}

// PathTranslated returns PATH_TRANSLATED: the file that info, a PATH_INFO that is not empty, would
// be below root (RFC 3875 section 4.1.6). It never leads out of root, whatever info says.
func PathTranslated(root, info string) string {
	info = filepath.ToSlash(info)
	clean := path.Clean("/" + info)
	if strings.HasSuffix(info, "/") && clean != "/" {
		clean += "/"
	}
	return strings.TrimSuffix(root, "/") + clean
}
