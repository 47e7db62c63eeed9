package exchange

import (
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Target is the path of an HTTP request target in normal form: without empty segments and without
// the segments "." and "..", as in nginx, Apache and lighttpd. It is still percent-encoded, so that
// an encoded slash differs from the end of a segment. The zero Target is the empty path.
type Target struct {
	path string // empty, or begins with a slash
}

// ParseTarget returns the normal form of path, which is percent-encoded and is empty or begins with
// a slash. "%2e" means a dot. If the last segment is removed, the result ends in a slash.
//
// The error is a [*gateway.RequestError], which is answered 400, if ".." leads above the start of
// the path, or if the path has a malformed escape, a NUL or no slash at its start.
func ParseTarget(path string) (Target, error) {
	normal, err := normalForm(path, util.DecodePath)
	return Target{normal}, err
}

// TargetOf returns the Target of a request that this process read from HTTP, with the mount point.
// ok is false for a request whose variables a web server sent, and for a target that is not a path
// ("OPTIONS *"). If an App has changed SCRIPT_NAME or PATH_INFO, the Target is derived from these
// two.
func TargetOf(r *gateway.Request) (t Target, ok bool, err error) {
	sent, path := r.EscapedPath, FullPath(r.Environ)
	if sent == "" || sent == "*" {
		return Target{}, false, nil
	}
	if !decodesTo(sent, path) {
		sent = strings.ReplaceAll(path, "%", "%25")
	}
	t, err = ParseTarget(sent)
	return t, true, err
}

// FullPath returns SCRIPT_NAME followed by PATH_INFO, the decoded path of the request. If
// SCRIPT_NAME is "/", which some web servers send for the root, its slash is not repeated.
func FullPath(e *util.Environ) string {
	script, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO")
	if strings.HasPrefix(info, "/") {
		script = strings.TrimSuffix(script, "/")
	}
	return script + info
}

// decodesTo reports whether sent, decoded as it is or in normal form, equals path.
func decodesTo(sent, path string) bool {
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

// String returns the path, which is still percent-encoded.
func (t Target) String() string { return t.path }

// Below returns the part of t after mount, which must be in the form of util.CleanMount. ok is
// false if t is not below mount.
func (t Target) Below(mount string) (rest Target, ok bool) {
	path, ok := util.CutMount(t.path, mount)
	return Target{path}, ok
}

// Names returns the decoded segments of t that can be names of files: those before the first
// segment with an encoded slash. whole is true if t has no such segment.
func (t Target) Names() (path string, whole bool) {
	if strings.IndexByte(t.path, '%') < 0 {
		return t.path, true
	}
	var b strings.Builder
	for segment := range strings.SplitSeq(t.path[1:], "/") {
		name, _ := util.DecodePath(segment) // cannot fail: ParseTarget has decoded it before
		if strings.IndexByte(name, '/') >= 0 {
			return b.String(), false
		}
		b.WriteByte('/')
		b.WriteString(name)
	}
	return b.String(), true
}

// After returns the PATH_INFO for a script: the decoded part of t after script. script is a prefix
// of the result of Names that ends at the end of a segment. If script is empty, PATH_INFO is all of
// t.
//
// Decoding may create segments that are empty, "." or "..", so the decoded part is brought into
// normal form by itself. The error is a [*gateway.RequestError] if ".." leads above its start.
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
	return normalForm(info, alreadyDecoded)
}

// alreadyDecoded is the decode function for a decoded path.
func alreadyDecoded(segment string) (string, bool) { return segment, true }

// normalForm removes empty segments and dot segments from path. decode decodes a segment; other
// segments are kept undecoded.
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

// isNormal is a quick check. It is true for most paths in normal form, and for no other path.
func isNormal(path string) bool {
	return path == "" || path[0] == '/' && strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, 0) < 0 &&
		!strings.Contains(path, "//") && !strings.Contains(path, "/.")
}

func badTarget(reason, path string) error {
	const most = 64 // the documented limit of gateway.RequestError
	return &gateway.RequestError{Reason: reason, Input: path[:min(len(path), most)]}
}
