package ping

import (
	"strings"

	"github.com/cgikit/cgikit/util"
)

// newEnviron returns the meta-variables of a GET request for path, which may have a query.
//
// A FastCGI application gets the path three times, as it cannot be known what it goes by. php-fpm
// 8.2 compares SCRIPT_NAME with ping.path and pm.status_path if SCRIPT_FILENAME is there, and takes
// SCRIPT_FILENAME for the file of a script otherwise. Frameworks in other languages have their
// routes in PATH_INFO, which nginx is therefore often told to send beside SCRIPT_NAME.
func newEnviron(protocol, path string) *util.Environ {
	name, query, _ := strings.Cut(path, "?")
	e := util.NewEnviron()
	for _, v := range fixed {
		e.Set(v[0], v[1])
	}
	e.Set("REQUEST_URI", path)
	e.Set("QUERY_STRING", query)
	e.Set("PATH_INFO", name)
	switch protocol {
	case "fastcgi":
		e.Set("SCRIPT_NAME", name)
		e.Set("SCRIPT_FILENAME", name)
	case "scgi":
		e.Set("SCRIPT_NAME", "")
		e.Set("SCGI", "1")
	default:
		e.Set("SCRIPT_NAME", "")
		e.Set("REDIRECT_STATUS", "200") // php-cgi runs no script without it (cgi.force_redirect)
	}
	return e
}

// fixed are the meta-variables that do not depend on the path.
var fixed = [][2]string{
	{"CONTENT_LENGTH", "0"}, // SCGI has it first
	{"GATEWAY_INTERFACE", "CGI/1.1"},
	{"SERVER_PROTOCOL", "HTTP/1.1"},
	{"SERVER_SOFTWARE", "cgikit-ping"},
	{"SERVER_NAME", "localhost"},
	{"SERVER_ADDR", "127.0.0.1"},
	{"SERVER_PORT", "80"},
	{"REMOTE_ADDR", "127.0.0.1"},
	{"REQUEST_METHOD", "GET"},
	{"REQUEST_SCHEME", "http"},
	{"HTTP_HOST", "localhost"},
	{"HTTP_USER_AGENT", "cgikit-ping"},
}
