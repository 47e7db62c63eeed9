package util

import (
	"path"
	"strings"
)

// ShiftPathInfo moves the first segment of PATH_INFO to the end of SCRIPT_NAME and returns it. An
// application does this before it passes a request to an application that is mounted below it. ok
// is false if no segment is left, or if the last one is ".". The segment is "" if PATH_INFO is "/",
// which means the application's own directory.
//
// Empty and "." segments before the returned one are skipped. A ".." is returned like any other
// segment; it removes the last segment of SCRIPT_NAME, if there is one. Repeated slashes in the
// rest of PATH_INFO are kept, because two resources may differ only in them. But as CPython's tests
// require, a rest that also has a "." segment before its end loses these and the repeated slashes,
// and a rest of only slashes becomes "/".
//
// PATH_INFO is decoded (RFC 3875 section 4.1.5), so "%2e" is not a dot here.
//
// The differences from wsgiref's shift_path_info: wsgiref drops repeated slashes in the rest. A
// PATH_INFO "x/y" means "/x/y" here; wsgiref returns y and leaves x, or raises IndexError.
// SCRIPT_NAME is interpreted as in [ApplicationURI].
func ShiftPathInfo(e *Environ) (segment string, ok bool) {
	info := e.Get("PATH_INFO")
	if info == "" {
		return "", false
	}
	segment, rest := cutSegment(info)
	e.Set("SCRIPT_NAME", joinSegment(scriptName(e), segment))
	e.Set("PATH_INFO", cleanPathInfo(rest))
	if segment == "." {
		return "", false
	}
	return segment, true
}

// cutSegment returns the segment to shift and the rest after it, which is empty or begins with a
// slash.
func cutSegment(info string) (segment, rest string) {
	info = strings.TrimPrefix(info, "/")
	for {
		segment, after, more := strings.Cut(info, "/")
		if !more || segment != "" && segment != "." {
			return segment, info[len(segment):]
		}
		info = after
	}
}

// joinSegment appends segment to a SCRIPT_NAME. An empty segment appends a slash: the request is
// for the script as a directory.
func joinSegment(script, segment string) string {
	joined := path.Clean(script + "/" + segment)
	if strings.HasPrefix(script, "//") && !strings.HasPrefix(script, "///") {
		// exactly two slashes at the start have a meaning that POSIX leaves to the system; Python
		// keeps them too
		joined = "/" + joined
	}
	joined = strings.TrimSuffix(joined, "/")
	if segment == "" {
		joined += "/"
	}
	return joined
}

func cleanPathInfo(rest string) string {
	if strings.Contains(rest, "/./") {
		return dropEmptyAndDot(rest)
	}
	if strings.Trim(rest, "/") == "" {
		return rest[:min(len(rest), 1)]
	}
	return rest
}

// dropEmptyAndDot drops the empty and "." segments between the leading slash and the last segment.
func dropEmptyAndDot(rest string) string {
	segments := strings.Split(rest[1:], "/")
	last := len(segments) - 1
	var b strings.Builder
	for _, segment := range segments[:last] {
		if segment != "" && segment != "." {
			b.WriteString("/" + segment)
		}
	}
	return b.String() + "/" + segments[last]
}
