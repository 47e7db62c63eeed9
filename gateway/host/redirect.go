package host

import (
	"context"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// maxRedirects is how many local redirects in a row are followed; Apache's LimitInternalRecursion
// is 10 too.
const maxRedirects = 10

// localTarget returns where a local redirect leads (RFC 3875 section 6.2.2). What has a Status or
// fields for the client, a cookie say, is a redirect for the client to follow; so is a Location of
// two slashes, which names a host. A Content-Type, which many libraries add to everything, does not
// count.
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

// redirect returns the request that a local redirect to target makes of the current one: as if the
// client had asked for target, with no body. Nothing of how the current one was resolved comes
// along (CVE-2024-38476, CVE-2026-42356).
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

// remount sets SCRIPT_NAME and PATH_INFO for another path of the site, which is encoded.
func (x *relay) remount(e *util.Environ, path string) error {
	t, err := exchange.ParseTarget(path)
	if err != nil {
		return err
	}
	mount := x.mount()
	t, ok := t.Below(mount)
	if !ok {
		return outside(path, mount)
	}
	info, err := t.After("")
	e.Set("SCRIPT_NAME", mount)
	e.Set("PATH_INFO", info)
	return err
}

// mount is what paths of the site are below. A web server that sends no PATH_INFO has not told it:
// SCRIPT_NAME is the whole path then.
func (x *relay) mount() string {
	_, split := x.current.Environ.Lookup("PATH_INFO")
	if x.handler.Router != nil || x.handler.Mount == "" && !split {
		return ""
	}
	return util.CleanMount(x.place.mount)
}

func badRedirect(reason, target string) error {
	return &gateway.BackendError{Status: 502, Reason: reason, Err: &gateway.RuleError{Rule: "local redirect", Input: cut(target)}}
}

// cut keeps what goes into a message short.
func cut(s string) string { return s[:min(len(s), 64)] }
