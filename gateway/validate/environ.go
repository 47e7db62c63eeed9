package validate

import (
	"net/netip"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// variables has the meta-variables that the rules concern. If a name was sent twice, the last value
// is used, as in util.Environ.
type variables struct {
	method, uri, script, info, query variable
	serverName, port, protocol       variable
	length, host, remote, cgi        variable
}

// variable is a value that may be missing, which differs from an empty one.
type variable struct {
	value string
	set   bool
}

// checkEnviron checks the variables of the request, which the gateway has set.
func (x *exchange) checkEnviron(e *util.Environ) {
	var v variables
	for name, value := range e.All() {
		x.checkVariable(name, value)
		if at := v.field(name); at != nil {
			*at = variable{value, true}
		}
	}
	x.method, x.uri = v.method.value, v.uri.value
	x.checkRequestLine(&v)
	x.checkPaths(&v)
	x.checkServer(&v)
	x.checkClient(&v)
}

// field returns the field of v for the variable called name, nil if no rule concerns it.
func (v *variables) field(name string) *variable {
	switch name {
	case "REQUEST_METHOD":
		return &v.method
	case "REQUEST_URI":
		return &v.uri
	case "SCRIPT_NAME":
		return &v.script
	case "PATH_INFO":
		return &v.info
	case "QUERY_STRING":
		return &v.query
	case "SERVER_NAME":
		return &v.serverName
	case "SERVER_PORT":
		return &v.port
	case "SERVER_PROTOCOL":
		return &v.protocol
	case "CONTENT_LENGTH":
		return &v.length
	case "HTTP_HOST":
		return &v.host
	case "REMOTE_ADDR":
		return &v.remote
	case "GATEWAY_INTERFACE":
		return &v.cgi
	}
	return nil
}

// checkVariable checks the rules for every variable, and reports forbidden names.
func (x *exchange) checkVariable(name, value string) {
	if name == "" || strings.Contains(name, "=") || hasNUL(name) {
		x.violated(environName, name)
	}
	if hasNUL(value) {
		x.violated(environValue, name+"="+value)
	}
	switch name {
	case "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH":
		x.violated(environHTTPContent, name+"="+value)
	case "HTTP_PROXY":
		x.violated(environHTTPProxy, value)
	}
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

// require reports that value breaks r, unless ok is true.
func (x *exchange) require(ok bool, r rule, value string) {
	if !ok {
		x.violated(r, value)
	}
}

func (x *exchange) checkRequestLine(v *variables) {
	method := v.method.value
	x.require(isToken(method), environRequestMethod, method)
	x.require(!isToken(method) || isRegistered(method), environUnusualMethod, method)
	x.require(v.query.set, environQueryStringMissing, "")
	x.require(isQuery(v.query.value), environQueryString, v.query.value)
	x.require(v.protocol.set, environServerProtocolMissing, "")
	x.require(!v.protocol.set || isProtocol(v.protocol.value), environServerProtocol, v.protocol.value)
}

// checkPaths checks SCRIPT_NAME and PATH_INFO by themselves and against REQUEST_URI. It reports
// each fault by one rule, the most specific one.
func (x *exchange) checkPaths(v *variables) {
	script, info := v.script.value, v.info.value
	x.require(script == "" || script[0] == '/' && script != "/", environScriptName, script)
	x.require(v.script.set, environScriptNameMissing, "")
	x.require(info == "" || info[0] == '/', environPathInfo, info)
	x.require(script != "" || v.info.set, environPathInfoMissing, "")
	if !v.uri.set {
		return // not every web server sends it, and RFC 3875 does not define it
	}
	if !isTarget(v.method.value, v.uri.value) {
		x.violated(environRequestTarget, v.uri.value)
		return
	}
	path, ok := targetPath(v.method.value, v.uri.value)
	switch {
	case !ok || v.protocol.value == included || !v.script.set && !v.info.set:
	case hasEscape(info) && strings.HasSuffix(path, info):
		x.violated(environPathInfoEncoded, info)
	case !decodesTo(path, script, info):
		x.violated(environRequestURI, script+info)
	}
}

func (x *exchange) checkServer(v *variables) {
	name := v.serverName
	x.require(name.set, environServerNameMissing, "")
	x.require(!name.set || isHost(name.value), environServerName, name.value)
	x.require(isPort(v.port.value), environServerPort, v.port.value)
	x.require(!v.cgi.set || isVersionOf("CGI", v.cgi.value), environGatewayInterface, v.cgi.value)
}

func (x *exchange) checkClient(v *variables) {
	length, remote := v.length.value, v.remote.value
	_, ok := parseLength(length)
	x.require(ok || length == "", environContentLength, length)
	x.require(v.host.value == "" || isAuthority(v.host.value), environHTTPHost, v.host.value)
	x.require(!v.remote.set || remote == "unix:" || isAddress(remote), environRemoteAddr, remote)
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isRegistered reports whether method is in IANA's registry, as of 2026.
func isRegistered(method string) bool {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
		"ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY",
		"MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PRI", "PROPFIND", "PROPPATCH", "QUERY",
		"REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL":
		return true
	}
	return false
}
