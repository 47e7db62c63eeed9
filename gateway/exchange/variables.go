package exchange

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Complete sets SCRIPT_NAME and PATH_INFO in the Environ of r if the web server sent neither, as
// nginx with its stock scgi_params. SCRIPT_NAME becomes empty. PATH_INFO becomes DOCUMENT_URI,
// which is the path after nginx's rewrites, or without DOCUMENT_URI the path of REQUEST_URI, in the
// normal form of a [Target].
//
// ok is false if no variable has the path. The error is that of [ParseTarget].
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
	case uri != "*": // "OPTIONS *" concerns the server itself, which has no path (RFC 9110 section 9.3.7)
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

// Mount implements the field Mount of a server. It calls gateway.Mount. A path that is below prefix
// only in the normal form of a [Target], such as "//app/x", is used in that form, because web
// servers compare normal forms. sent is the gateway.Request.EscapedPath of the request if
// SCRIPT_NAME and PATH_INFO were derived from REQUEST_URI, and empty if they were not changed.
func Mount(e *util.Environ, prefix string) (sent string, err error) {
	if prefix == "" {
		return "", nil
	}
	_, hasScript := e.Lookup("SCRIPT_NAME")
	_, hasInfo := e.Lookup("PATH_INFO")
	uri := util.TargetPath(e.Get("REQUEST_URI"))
	if uri == "" || hasScript && hasInfo {
		return "", nil
	}
	if err := gateway.Mount(e, prefix); err != nil {
		return uri, mountNormal(e, util.CleanMount(prefix), uri, err)
	}
	return uri, nil
}

// mountNormal sets the variables from the normal form of path. It returns err if that is not below
// mount.
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

// PathTranslated returns PATH_TRANSLATED: the path below root of the file that info names (RFC 3875
// section 4.1.6). info is a PATH_INFO that is not empty. The result is never outside of root,
// whatever info is.
func PathTranslated(root, info string) string {
	info = filepath.ToSlash(info)
	clean := path.Clean("/" + info)
	if strings.HasSuffix(info, "/") && clean != "/" {
		clean += "/"
	}
	return strings.TrimSuffix(root, "/") + clean
}
