package util

import (
	"path"
	"strings"
)

// ShiftPathInfo moves the first segment of PATH_INFO to the end of SCRIPT_NAME and returns it: the
// step by which an application hands a request on to one mounted below it. ok is false when no
// segment is left, also where the last one is ".". The segment is "" when PATH_INFO is "/", the
// application's own directory.
//
// Empty and "." segments before the one returned are skipped. A ".." is returned as it is, and
// takes the last segment off SCRIPT_NAME, whose root it cannot leave. In the rest of PATH_INFO
// repeated slashes stay, because two resources may differ by them alone. But a rest that also
// holds a "." segment before its end loses both, and one of slashes alone becomes "/", as
// CPython's tests demand.
//
// PATH_INFO is taken as decoded (RFC 3875 section 4.1.5): "%2e" is not a dot here.
//
// It differs from wsgiref's shift_path_info: repeated slashes in the rest are dropped there. A
// PATH_INFO x/y is taken as /x/y, where wsgiref returns y and leaves x, or raises IndexError.
// SCRIPT_NAME is read as [ApplicationURI] reads it.
func ShiftPathInfo(e *Environ) (segment string, ok bool) {
	info := e.Get("PATH_INFO")
	if info == "" {
		return "", false
	}
	segment, rest := cutSegment(info)
	e.Set("SCRIPT_NAME", joinSegment(scriptName(e), segment))
	e.Set("PATH_INFO", cleanRest(rest))
	if segment == "." {
		return "", false
	}
	return segment, true
}

// cutSegment returns the segment to shift and what follows it, which is empty or begins with a
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

// joinSegment returns the SCRIPT_NAME that has segment at its end. An empty segment leaves a slash
// there: the script is asked for as a directory.
func joinSegment(script, segment string) string {
	joined := path.Clean(script + "/" + segment)
	if strings.HasPrefix(script, "//") && !strings.HasPrefix(script, "///") {
		// POSIX leaves the meaning of two slashes, and of no other number, to the system; so does
		// Python
		joined = "/" + joined
	}
	joined = strings.TrimSuffix(joined, "/")
	if segment == "" {
		joined += "/"
	}
	return joined
}

func cleanRest(rest string) string {
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
