package request

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/util"
)

// location is what a web server makes of a path.
type location struct {
	target string // as in the request line: path and query, percent-encoded
	path   string // decoded
	query  string
	script string // SCRIPT_NAME
	info   string // PATH_INFO
	root   string // DOCUMENT_ROOT: an absolute folder
	file   string // SCRIPT_FILENAME; empty for none
}

// locate finds the script in the path: --script-name and --path-info say it, else it ends at the
// first segment that ends in .php, else it is the first file of the path below --root. Otherwise
// the application has the whole path, as PATH_INFO.
func (r *Request) locate(query string) (location, error) {
	l := location{target: escapeTarget(r.pathOrDefault())}
	if query != "" {
		l.target += map[bool]string{true: "&", false: "?"}[strings.Contains(l.target, "?")] + query
	}
	path, query, _ := strings.Cut(l.target, "?")
	decoded, ok := util.DecodePath(path)
	if !ok {
		return l, cli.Usage(fmt.Errorf("path %.200q is not percent-encoded", r.Path), "write % as %25")
	}
	root, err := filepath.Abs(r.Root)
	if err != nil {
		return l, err
	}
	l.path, l.query, l.root = decoded, query, root
	l.script, l.info = r.split(decoded, root)
	l.file = r.scriptFile(l)
	return l, nil
}

// pathOrDefault is the path as the user gave it, or what the other flags say.
func (r *Request) pathOrDefault() string {
	switch {
	case r.Path != "":
		return r.Path
	case r.XMLRPC != "" || r.JSONRPC != "":
		return "/RPC2"
	case r.ScriptName != nil && *r.ScriptName != "":
		return escapePath(*r.ScriptName + valueOf(r.PathInfo))
	case valueOf(r.PathInfo) != "":
		return escapePath(*r.PathInfo)
	}
	return "/"
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// split returns SCRIPT_NAME and PATH_INFO.
func (r *Request) split(path, root string) (script, info string) {
	switch {
	case r.ScriptName != nil && r.PathInfo != nil:
		return *r.ScriptName, *r.PathInfo
	case r.ScriptName != nil:
		if rest, ok := strings.CutPrefix(path, *r.ScriptName); ok {
			return *r.ScriptName, rest
		}
		return *r.ScriptName, path
	case r.PathInfo != nil:
		return strings.TrimSuffix(path, *r.PathInfo), *r.PathInfo
	}
	if end := phpEnd(path); end > 0 {
		return path[:end], path[end:]
	}
	if end := r.fileEnd(path, root); end > 0 {
		return path[:end], path[end:]
	}
	return "", path
}

// phpEnd returns the end of the first segment that ends in .php, 0 for none.
func phpEnd(path string) int {
	i := strings.Index(path+"/", ".php/")
	if i < 0 {
		return 0
	}
	return i + len(".php")
}

// fileEnd returns the end of the part of path that is a file below --root, or in the folder of CGI
// scripts that is the target; 0 for none.
func (r *Request) fileEnd(path, root string) int {
	switch {
	case r.isScriptFolder():
		root = r.Target.Path
	case r.Root == "":
		return 0
	}
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		info, err := os.Stat(filepath.Join(root, filepath.FromSlash(path[:i])))
		if err != nil {
			return 0
		}
		if info.Mode().IsRegular() {
			return i
		}
	}
	return 0
}

func (r *Request) isScriptFolder() bool {
	return r.Target.Protocol == "cgi" && isFolder(r.Target.Path)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// scriptFile is SCRIPT_FILENAME: the script below the document root, and for a CGI target the
// script itself; empty where a folder of CGI scripts has none of that name.
func (r *Request) scriptFile(l location) string {
	switch {
	case r.ScriptFilename != "":
		return r.ScriptFilename
	case r.isScriptFolder() && l.script == "":
		return ""
	case r.isOwnScript(l):
		full, err := filepath.Abs(filepath.Join(r.Target.Path, map[bool]string{true: l.script}[r.isScriptFolder()]))
		if err != nil {
			return r.Target.Path
		}
		return full
	case l.script != "":
		return strings.TrimSuffix(l.root, "/") + l.script
	}
	return strings.TrimSuffix(l.root, "/") + l.path
}

// isOwnScript reports whether SCRIPT_FILENAME is a CGI script that the target names, and not a
// script that the target is an interpreter of, such as php-cgi.
func (r *Request) isOwnScript(l location) bool {
	return r.Target.Protocol == "cgi" && (r.isScriptFolder() || r.Root == "" || l.script == "")
}

// checkPath refuses what is not the path of a URL.
func checkPath(path string) error {
	if path == "" || strings.HasPrefix(path, "/") {
		return nil
	}
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
		return cli.Usage(errors.New("PATH is a URL"), fmt.Sprintf("TARGET says where to ask; write the path alone: /%.100s", path))
	}
	return cli.Usage(fmt.Errorf("path %.100q does not begin with a slash", path), fmt.Sprintf("write /%.100s", path))
}

// escapeTarget percent-encodes what cannot stand in a request line: controls, spaces and bytes that
// are not ASCII. A percent sign stays as it is.
func escapeTarget(target string) string { return escape(target, "") }

// escapePath percent-encodes a path that is not encoded yet.
func escapePath(path string) string { return escape(path, "%?#") }

func escape(s, more string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(more, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
