package request

import (
	"cmp"
	"regexp"
	"strings"
)

// capturedPaths puts the paths of a request in the place of those of a capture.
type capturedPaths struct {
	tails         [][2]string // what a captured path ends with, and what this one does
	root, program string      // of the capture: its document root, and its CGI program
	ownRoot, own  string      // of this request
	address       string      // where Apache's proxy connects
}

func (m *message) capturedPaths(captured variables, l location) capturedPaths {
	script, info := l.script, strings.TrimPrefix(l.path, l.script)
	if script == "" { // a capture without a mount may still split the path, after its first segment
		script, info = cutSegment(l.path)
	}
	p := capturedPaths{
		tails: [][2]string{
			{"/app/a,b//c", l.path}, {"/app/a,b/c", mergeSlashes(l.path)},
			{"/a,b//c", info}, {"/a,b/c", mergeSlashes(info)}, {"/app", script},
		},
		root:    captured.get("DOCUMENT_ROOT"),
		ownRoot: l.root,
		address: "localhost",
	}
	t := m.request.Target
	if t.Protocol == "cgi" {
		p.program, p.own = captured.get("SCRIPT_FILENAME"), l.file
	} else if network, address := t.Place(); network == "tcp" {
		p.address = address
	}
	return p
}

// cutSegment splits a path after its first segment.
func cutSegment(path string) (segment, rest string) {
	if i := strings.Index(strings.TrimPrefix(path, "/"), "/"); i >= 0 {
		return path[:i+1], path[i+1:]
	}
	return path, ""
}

func mergeSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// cutTail takes the path of the capture's request off the end of a value, and returns that of this
// request.
func (p capturedPaths) cutTail(value string) (before, after string) {
	for _, tail := range p.tails {
		if before, ok := strings.CutSuffix(value, tail[0]); ok {
			return before, tail[1]
		}
	}
	return value, ""
}

// proxyPrefix is what Apache's mod_proxy puts before a file's name.
var proxyPrefix = regexp.MustCompile(`^proxy:[fs]cgi://[^/]+`)

// file is the name of a file or a folder: a prefix, a folder or program, and the path.
func (p capturedPaths) file(value string) string {
	prefix := proxyPrefix.FindString(value)
	base, tail := p.cutTail(strings.TrimPrefix(value, prefix))
	if prefix != "" {
		scheme, _, _ := strings.Cut(prefix, "//")
		prefix = scheme + "//" + p.address
	}
	slash := ""
	if len(base) > 1 && strings.HasSuffix(base, "/") {
		base, slash = strings.TrimSuffix(base, "/"), "/"
	}
	switch {
	case base == "":
	case base == p.program:
		base = p.own
	case base == p.root || prefix == "" || len(base) > 1: // or where the server's alias led
		base = strings.TrimSuffix(p.ownRoot, "/")
	}
	return cmp.Or(prefix+base+slash+tail, "/")
}
