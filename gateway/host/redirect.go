package host

import (
	"context"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// maxRedirects is the number of local redirects in a row that are followed. Apache's
// LimitInternalRecursion is 10 too.
const maxRedirects = 10

// localTarget returns the target of a local redirect (RFC 3875 section 6.2.2). A response with a
// Status, or with fields for the client such as a cookie, is a redirect that the client follows. So
// is a Location that begins with two slashes, which names a host. A Content-Type does not count,
// since many libraries add one to every response.
func localTarget(resp *gateway.Response) (target string, ok bool) {
	target = resp.Headers.Get("Location")
	if resp.Status != "" || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return "", false
	}
	for _, name := range resp.Headers.Keys() {
		switch strings.ToLower(name) {
		case "location", "content-type", "content-length":
		default:
			return "", false
		}
	}
	return target, true
}

type redirectsKey struct{}

// redirect returns the request of a local redirect to target: as if the client had requested
// target, without a body. It has nothing of how the current request was resolved (CVE-2024-38476,
// CVE-2026-42356).
func (x *relay) redirect(target string) (*gateway.Request, error) {
	r := x.current
	count, _ := r.Context().Value(redirectsKey{}).(int)
	if count++; count > maxRedirects {
		return nil, badRedirect("the application redirects in circles", target)
	}
	if strings.Contains(target, "#") {
		return nil, badRedirect("the application redirects to a malformed path", target)
	}
	e := r.Environ.Clone()
	for _, name := range []string{
		"CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT",
		"SCRIPT_NAME", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_FILENAME", "DOCUMENT_URI",
	} {
		e.Del(name)
	}
	if e.Get("REQUEST_METHOD") != "HEAD" {
		e.Set("REQUEST_METHOD", "GET")
	}
	path, query, _ := strings.Cut(target, "?")
	e.Set("REQUEST_URI", target)
	e.Set("QUERY_STRING", query)
	if err := x.remount(e, path); err != nil {
		return nil, err
	}
	c := *r
	c.Environ, c.Stdin, c.EscapedPath = e, nil, path
	return c.WithContext(context.WithValue(r.Context(), redirectsKey{}, count)), nil
}

// remount sets SCRIPT_NAME and PATH_INFO for another, encoded path of the site.
func (x *relay) remount(e *util.Environ, path string) error {
	t, err := exchange.ParseTarget(path)
	if err != nil {
		return err
	}
	mount := x.mount()
	t, ok := t.Below(mount)
	if !ok {
		return outsideError(path, mount)
	}
	info, err := t.After("")
	e.Set("SCRIPT_NAME", mount)
	e.Set("PATH_INFO", info)
	return err
}

// mount returns the prefix of all paths of the site. It is empty if the web server sends no
// PATH_INFO: SCRIPT_NAME is then the whole path, and the mount is unknown.
func (x *relay) mount() string {
	_, split := x.current.Environ.Lookup("PATH_INFO")
	if x.handler.Router != nil || x.handler.Mount == "" && !split {
		return ""
	}
	return util.CleanMount(x.place.mount)
}

func badRedirect(reason, target string) error {
	return &gateway.BackendError{Status: 502, Reason: reason, Err: &gateway.RuleError{Rule: "local redirect", Input: truncate(target)}}
}

// truncate shortens text for a message.
func truncate(s string) string { return s[:min(len(s), 64)] }
