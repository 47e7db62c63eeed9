package load

import (
	"fmt"
	"maps"
	"slices"
)

// variables are those that nginx 1.22 sends with its stock fastcgi_params and a SCRIPT_FILENAME for
// a GET by a client such as curl.
var variables = [][2]string{
	{"SCRIPT_FILENAME", "/usr/share/nginx/html/app/hello"},
	{"QUERY_STRING", "x=1"},
	{"REQUEST_METHOD", "GET"},
	{"CONTENT_TYPE", ""},
	{"CONTENT_LENGTH", ""},
	{"SCRIPT_NAME", "/app/hello"},
	{"REQUEST_URI", "/app/hello?x=1"},
	{"DOCUMENT_URI", "/app/hello"},
	{"DOCUMENT_ROOT", "/usr/share/nginx/html"},
	{"SERVER_PROTOCOL", "HTTP/1.1"},
	{"REQUEST_SCHEME", "http"},
	{"GATEWAY_INTERFACE", "CGI/1.1"},
	{"SERVER_SOFTWARE", "nginx/1.22.1"},
	{"REMOTE_ADDR", "127.0.0.1"},
	{"REMOTE_PORT", "51334"},
	{"REMOTE_USER", ""},
	{"SERVER_ADDR", "127.0.0.1"},
	{"SERVER_PORT", "8080"},
	{"SERVER_NAME", "localhost"},
	{"REDIRECT_STATUS", "200"},
	{"HTTP_HOST", "localhost"},
	{"HTTP_USER_AGENT", "curl/7.88.1"},
	{"HTTP_ACCEPT", "*/*"},
}

// SomeVariables returns so many variables: the first of nginx's, and then fields of the request.
func SomeVariables(n int) [][2]string {
	all := slices.Clone(variables[:min(n, len(variables))])
	for len(all) < n {
		all = append(all, [2]string{fmt.Sprintf("HTTP_X_FIELD_%04d", len(all)), "a value of 16 b."})
	}
	return all
}

// Variables returns nginx's, in its order, with the values of set in the place of its own. Those of
// set that nginx does not send come last.
func Variables(set map[string]string) [][2]string {
	all := slices.Clone(variables)
	rest := maps.Clone(set)
	for i, v := range all {
		if value, ok := set[v[0]]; ok {
			all[i][1] = value
			delete(rest, v[0])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		all = append(all, [2]string{name, rest[name]})
	}
	return all
}
