package exchange

import (
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Target is the path of an HTTP request target in the normal form that nginx, Apache and lighttpd
// give it: without empty segments and without the segments "." and "..". It is still encoded, so
// that a slash that the client encoded can be told from the end of a segment. The zero Target is
// the empty path.
type Target struct {
	path string // empty, or begins with a slash
}

// ParseTarget returns the normal form of path, which is percent-encoded and empty or begins with a
// slash. "%2e" is a dot. If the last segment is dropped, the result ends in a slash.
//
// The error is a [*gateway.RequestError], which the client is told as 400: a path that ".." leads
// out of, one with a broken escape or a NUL, or one without a slash at its beginning.
func ParseTarget(path string) (Target, error) {
	normal, err := normalForm(path, util.DecodePath)
	return Target{normal}, err
}

// TargetOf returns the Target of a request that this process read from HTTP, mount included. ok is
// false for a request whose variables a web server sent, and for a target that is no path ("OPTIONS
// *"). Where an App has changed SCRIPT_NAME or PATH_INFO since, the Target is made of these.
func TargetOf(r *gateway.Request) (t Target, ok bool, err error) {
	sent, path := r.EscapedPath, FullPath(r.Environ)
	if sent == "" || sent == "*" {
		return Target{}, false, nil
	}
	if !means(sent, path) {
		sent = strings.ReplaceAll(path, "%", "%25")
	}
	t, err = ParseTarget(sent)
	return t, true, err
}

// FullPath is the decoded path that SCRIPT_NAME and PATH_INFO have together. A SCRIPT_NAME of "/",
// which some web servers send for the root, adds no slash to it.
func FullPath(e *util.Environ) string {
	script, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO")
	if strings.HasPrefix(info, "/") {
		script = strings.TrimSuffix(script, "/")
	}
	return script + info
}

// means reports whether sent, when it is decoded, is path: as it stands, or in normal form.
func means(sent, path string) bool {
	if plain, ok := util.DecodePath(sent); ok && plain == path {
		return true
	}
	t, err := ParseTarget(sent)
	if err != nil {
		return false
	}
	normal, err := t.After("")
	return err == nil && normal == path
}

// String returns the path, which is still encoded.
func (t Target) String() string { return t.path }

// Below returns what is left of t below mount, which is as util.CleanMount returns it. ok is false
// where t is not below it.
func (t Target) Below(mount string) (rest Target, ok bool) {
	path, ok := util.CutMount(t.path, mount)
	return Target{path}, ok
}

// Names returns the decoded path in which names of files may be: t up to the first segment with an
// encoded slash, without that segment. whole is true where t has no such segment.
func (t Target) Names() (path string, whole bool) {
	if strings.IndexByte(t.path, '%') < 0 {
		return t.path, true
	}
	var b strings.Builder
	for segment := range strings.SplitSeq(t.path[1:], "/") {
		name, _ := util.DecodePath(segment) // which ParseTarget has done before
		if strings.IndexByte(name, '/') >= 0 {
			return b.String(), false
		}
		b.WriteByte('/')
		b.WriteString(name)
	}
	return b.String(), true
}

// After returns the PATH_INFO of a script: what follows script, decoded. script is the beginning of
// the path that Names returns, up to the end of a segment; the empty string is no script, and
// PATH_INFO is all of t.
//
// Decoding may have made segments that are empty or "." or "..": the rest is brought into normal
// form by itself. The error is the [*gateway.RequestError] of a rest that leads above its
// beginning.
func (t Target) After(script string) (info string, err error) {
	rest := t.path
	for range strings.Count(script, "/") {
		end := strings.IndexByte(rest[1:], '/')
		if end < 0 {
			return "", nil
		}
		rest = rest[1+end:]
	}
	info, _ = util.DecodePath(rest)
	if len(info) == len(rest) {
		return info, nil
	}
	return normalForm(info, decoded)
}

// decoded is the decoder of what is decoded already.
func decoded(segment string) (string, bool) { return segment, true }

// normalForm takes empty segments and dot segments out of path. decode tells what a segment means;
// the others stay as they are.
func normalForm(path string, decode func(segment string) (string, bool)) (string, error) {
	if isNormal(path) {
		return path, nil
	}
	if path[0] != '/' {
		return "", badTarget("path without a slash at its beginning", path)
	}
	var kept []string
	folder := false // the path ends in a slash
	for segment := range strings.SplitSeq(path[1:], "/") {
		name, ok := decode(segment)
		folder = name == "" || name == "." || name == ".."
		switch {
		case !ok:
			return "", badTarget("malformed path", path)
		case !folder:
			kept = append(kept, segment)
		case name == ".." && len(kept) == 0:
			return "", badTarget("path that leads above its beginning", path)
		case name == "..":
			kept = kept[:len(kept)-1]
		}
	}
	if folder {
		kept = append(kept, "")
	}
	return "/" + strings.Join(kept, "/"), nil
}

// isNormal is a quick look: it reports true for most paths in normal form, and for no others.
func isNormal(path string) bool {
	return path == "" || path[0] == '/' && strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, 0) < 0 &&
		!strings.Contains(path, "//") && !strings.Contains(path, "/.")
}

func badTarget(reason, path string) error {
	const most = 64 // what gateway.RequestError promises
	return &gateway.RequestError{Reason: reason, Input: path[:min(len(path), most)]}
}
