package util

import "strings"

// TargetPath returns the path of an HTTP request target such as REQUEST_URI, still encoded. In the
// absolute form, scheme and authority precede the path (RFC 9112 section 3.2.2), and a missing path
// means "/".
func TargetPath(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	scheme, rest, absolute := strings.Cut(path, "://")
	if !absolute || strings.Contains(scheme, "/") {
		return path
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "/"
	}
	return rest[slash:]
}

// CleanMount returns the path of a mount point in the form of SCRIPT_NAME: empty for the root, and
// otherwise with a slash at its beginning and none at its end (RFC 3875 section 4.1.13). "/app/"
// and "app" become "/app".
func CleanMount(mount string) string {
	if mount = strings.Trim(mount, "/"); mount == "" {
		return ""
	}
	return "/" + mount
}

// CutMount returns the rest of path after mount. ok is false if path is not below mount. path and
// rest are percent-encoded; mount is decoded and in the form of [CleanMount].
//
// The mount must end at the end of a segment: "/apple" is not below "/app". A character of the
// mount may be encoded in path. But an encoded slash is part of a segment and never matches a slash
// of the mount.
func CutMount(path, mount string) (rest string, ok bool) {
	for mount != "" {
		if path == "" {
			return "", false
		}
		c, size := path[0], 1
		if c == '%' {
			if c, ok = unescape(path); !ok || c == '/' {
				return "", false
			}
			size = 3
		}
		if c != mount[0] {
			return "", false
		}
		path, mount = path[size:], mount[1:]
	}
	return path, path == "" || path[0] == '/'
}

// DecodePath percent-decodes a path once (RFC 3986 section 2.1). ok is false if path has a
// malformed escape, or a NUL, at which the C library would end the path.
func DecodePath(path string) (decoded string, ok bool) {
	if strings.IndexByte(path, '%') < 0 {
		return path, strings.IndexByte(path, 0) < 0
	}
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if c, ok = unescape(path[i:]); !ok {
				return "", false
			}
			i += 2
		}
		if c == 0 {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// unescape decodes the escape at the start of s.
func unescape(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, ok := unhex(s[1])
	low, lowOK := unhex(s[2])
	return high<<4 | low, ok && lowOK
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
