package gateway

import "github.com/cgikit/cgikit/util"

// Mount completes the environ of an application that is mounted at prefix, where the web server did
// not: stock nginx sends no SCRIPT_NAME and no PATH_INFO over SCGI, and over FastCGI the whole path
// as SCRIPT_NAME and no PATH_INFO. SCRIPT_NAME becomes the prefix and PATH_INFO the rest of
// REQUEST_URI's path, percent-decoded once; the query stays where it is.
//
// An empty prefix means that there is nothing to complete, "/" is the root. An environ with
// SCRIPT_NAME and PATH_INFO is right already, and one without REQUEST_URI cannot be completed: both
// are left alone.
//
// The prefix ends at a segment: "/app" is no prefix of "/apple". A slash that the client encoded is
// part of a segment and matches none of the prefix's; in PATH_INFO it is a slash like others (RFC
// 3875 section 4.1.5). Repeated slashes and dot segments stay. A path that is not below prefix is
// an error with the page 404, one that is malformed or holds a NUL a [*RequestError]: a transport
// hands them to [BaseCGIHandler.Run] as the error of an App.
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

// notMountedError is a request for something that is not below the mount point: the web server's
// configuration sends more here than the server was told of.
type notMountedError struct{ uri, prefix string }

func (e *notMountedError) Error() string {
	return requestError("REQUEST_URI is not below the mount point "+e.prefix, e.uri).Error()
}

func (e *notMountedError) page() (status, text string) {
	return "404 Not Found", "There is nothing here.\n"
}
