//go:build linux

package main

import (
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// variables are what nginx 1.22 sends with its stock fastcgi_params and a SCRIPT_FILENAME for a GET
// by a browser-like client.
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

// appendHead appends a request up to the end of its variables. method replaces that of the
// variables.
func appendHead(dst []byte, id uint16, method string, keep bool) []byte {
	dst = wire.AppendBeginRequest(dst, id, wire.BeginRequest{Role: fastcgi.RoleResponder, KeepConn: keep})
	var pairs []byte
	for _, v := range variables {
		if v[0] == "REQUEST_METHOD" {
			v[1] = method
		}
		pairs = wire.AppendPair(pairs, v[0], v[1])
	}
	dst = wire.AppendRecord(dst, wire.TypeParams, id, pairs)
	return wire.AppendRecord(dst, wire.TypeParams, id, nil)
}

// appendGet appends a whole request without a body.
func appendGet(dst []byte, id uint16, keep bool) []byte {
	return wire.AppendRecord(appendHead(dst, id, "GET", keep), wire.TypeStdin, id, nil)
}
