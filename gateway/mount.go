package gateway

import "github.com/cgikit/cgikit/util"

// Mount sets SCRIPT_NAME and PATH_INFO for an application that is mounted at prefix, if the web
// server did not send both. Stock nginx sends neither over SCGI. Over FastCGI it sends the complete
// path as SCRIPT_NAME, and no PATH_INFO. SCRIPT_NAME becomes the prefix and PATH_INFO the rest of
// the path in REQUEST_URI, percent-decoded once. The query is not changed.
//
// The prefix "/" is the root. Mount changes nothing if prefix is empty, if the environ has both
// variables, or if it has no REQUEST_URI.
//
// The prefix must end at the end of a segment: "/app" is not a prefix of "/apple". A slash that the
// client encoded is part of a segment and does not match a slash of the prefix; in PATH_INFO it is
// decoded like any other byte (RFC 3875 section 4.1.5). Repeated slashes and dot segments are kept.
// The error for a path that is not below prefix has the [ErrorPage] status 404. A path that is
// malformed or contains a NUL gives a [*RequestError]. A transport passes the error to
// [BaseCGIHandler.Run] by [Refuse].
func Mount(e *util.Environ, prefix string) error {
	if prefix == "" {
		return nil
	}
	_, hasScript := e.Lookup("SCRIPT_NAME")
	_, hasInfo := e.Lookup("PATH_INFO")
	uri := e.Get("REQUEST_URI")
	if hasScript && hasInfo || uri == "" {
		return nil
	}
	prefix = util.CleanMount(prefix)
	rest, ok := util.CutMount(util.TargetPath(uri), prefix)
	if !ok {
		return &notMountedError{uri: uri, prefix: prefix}
	}
	info, ok := util.DecodePath(rest)
	if !ok {
		return requestError("malformed REQUEST_URI", uri)
	}
	e.Set("SCRIPT_NAME", prefix)
	e.Set("PATH_INFO", info)
	return nil
}

// notMountedError reports a request for a path that is not below the mount point. The web server's
// configuration then sends more paths here than the mount point covers.
type notMountedError struct{ uri, prefix string }

func (e *notMountedError) Error() string {
	return requestError("REQUEST_URI is not below the mount point "+e.prefix, e.uri).Error()
}

func (e *notMountedError) publicPage() (status, text string) {
	return "404 Not Found", "There is nothing here.\n"
}
