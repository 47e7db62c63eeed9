package validate

import "slices"

// Severity is the effect of a violation on the request.
type Severity string

const (
	SeverityError   Severity = "error"   // fails the request, unless Options.KeepGoing is set
	SeverityWarning Severity = "warning" // is reported only
)

// Side is the side that must keep a rule.
type Side string

const (
	SideGateway Side = "gateway" // the caller of the application: environ, streams, the ResponseWriter
	SideApp     Side = "app"     // the application: status, fields, body, calls
)

// Rule is one rule of the contract.
type Rule struct {
	ID       string // stable, such as "response.content-length"
	Side     Side
	Severity Severity
	Text     string // the requirement, in one line
	Source   string // document and section
}

//go:generate go test -run TestTheDocumentationHasTheRules -update

// Rules returns every rule, in the order of the table below. The slice belongs to the caller. In
// the table wsgiref, Plack and Rack are the checkers that have the same rule.
//
// Many checks of those three have no counterpart. The compiler checks types, numbers of arguments
// and the methods of a stream, and an App has no iterator that must be closed. Flags such as
// wsgi.run_once are fields, which cannot be missing. A second Start is allowed until the head is
// committed. A missing Content-Type is reported only for a response with a body (RFC 3875 section
// 6.3.1); wsgiref reports it for every status but 204 and 304.
//
// No rule covers the use of an Environ after the App has returned: it is not an interface that a
// check could replace.
//
//	environ.name                     gateway  error
//		the name of a variable is not empty and holds no "=" and no NUL (RFC 3875 section 4.1, SCGI section 3)
//	environ.value                    gateway  error
//		the value of a variable holds no NUL (SCGI section 3)
//	environ.request-method           gateway  error
//		REQUEST_METHOD is set and a token (RFC 3875 section 4.1.12)
//	environ.unusual-method           gateway  warning
//		REQUEST_METHOD is a registered method (RFC 9110 section 16.1.1)
//	environ.script-name              gateway  error
//		SCRIPT_NAME is empty, or begins with a slash and is not "/" (RFC 3875 section 4.1.13, wsgiref)
//	environ.script-name-missing      gateway  warning
//		SCRIPT_NAME is set, possibly to the empty string (RFC 3875 section 4.1.13)
//	environ.path-info                gateway  error
//		PATH_INFO is empty or begins with a slash (RFC 3875 section 4.1.5)
//	environ.path-info-missing        gateway  error
//		PATH_INFO is set if SCRIPT_NAME is empty (wsgiref, Rack::Lint)
//	environ.path-info-encoded        gateway  error
//		PATH_INFO is decoded: it is not the encoded text of REQUEST_URI (RFC 3875 section 4.1.5)
//	environ.request-uri              gateway  warning
//		SCRIPT_NAME and PATH_INFO are the path of REQUEST_URI, decoded once (RFC 3875 section 3.3)
//	environ.request-target           gateway  warning
//		REQUEST_URI is a request target, in a form that suits the method (RFC 9112 section 3.2)
//	environ.query-string             gateway  warning
//		QUERY_STRING is encoded: no space, control character or "#" (RFC 3875 section 4.1.7)
//	environ.query-string-missing     gateway  warning
//		QUERY_STRING is set, possibly to the empty string (RFC 3875 section 4.1.7)
//	environ.server-name              gateway  warning
//		SERVER_NAME is a host name, an IPv4 address, or an IPv6 address in brackets (RFC 3875 section 4.1.14)
//	environ.server-name-missing      gateway  error
//		SERVER_NAME is set (RFC 3875 section 4.1.14)
//	environ.server-port              gateway  error
//		SERVER_PORT is set and a number up to 65535 (RFC 3875 section 4.1.15)
//	environ.server-protocol          gateway  error
//		SERVER_PROTOCOL is a protocol and its version, or "INCLUDED" (RFC 3875 section 4.1.16)
//	environ.server-protocol-missing  gateway  warning
//		SERVER_PROTOCOL is set (RFC 3875 section 4.1.16)
//	environ.gateway-interface        gateway  warning
//		GATEWAY_INTERFACE, if set, is "CGI/" and a version (RFC 3875 section 4.1.4)
//	environ.remote-addr              gateway  warning
//		REMOTE_ADDR, if set, is an address without brackets and port, or nginx's "unix:" (RFC 3875 section 4.1.8)
//	environ.content-length           gateway  error
//		CONTENT_LENGTH is empty or digits that fit 63 bits (RFC 3875 section 4.1.2)
//	environ.http-content             gateway  error
//		HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH are not set (RFC 3875 section 4.1.18, wsgiref)
//	environ.http-proxy               gateway  error
//		HTTP_PROXY is not set, since programs use it as their proxy (CVE-2016-5386)
//	environ.http-host                gateway  warning
//		HTTP_HOST is empty, or a host with or without a port (RFC 9110 section 7.2)
//	request.incomplete               gateway  error
//		no part of the request is nil (gateway.Request, wsgiref)
//	request.scheme                   gateway  error
//		Scheme is "http" or "https" (gateway.Request, wsgiref)
//	stdin.count                      gateway  error
//		Read returns at most as many bytes as were requested (io.Reader)
//	stdin.long                       gateway  error
//		Stdin ends after CONTENT_LENGTH bytes (RFC 3875 section 4.2)
//	stdin.short                      gateway  error
//		a body that ends before CONTENT_LENGTH bytes ends in an error other than io.EOF (gateway.Request)
//	stdin.revived                    gateway  error
//		after io.EOF, Stdin returns no more bytes (io.EOF)
//	stderr.count                     gateway  error
//		Write to Stderr writes all bytes or returns an error (io.Writer)
//	writer.count                     gateway  error
//		Write to the ResponseWriter writes all bytes or returns an error (io.Writer)
//	stdin.past-end                   app      warning
//		Stdin is not read again after io.EOF (RFC 3875 section 4.2)
//	request.after-return             app      error
//		Stdin and Stderr are not used after the App has returned (gateway.App)
//	response.start-missing           app      warning
//		Start comes before Write and Flush (wsgiref)
//	response.silent                  app      warning
//		an App starts a response (wsgiref)
//	response.status                  app      error
//		the status is three digits from 100 up, a space and a reason without control characters (RFC 9112 section 4)
//	response.status-class            app      warning
//		the status is below 600 (RFC 9110 section 15)
//	response.interim                 app      warning
//		the status is not 1xx, which CGI cannot carry (RFC 3875 section 6.3.3)
//	response.start-after-head        app      error
//		Start comes before the head is committed (gateway.ResponseWriter)
//	response.field                   app      error
//		the name of a field is a token, its value without control characters (RFC 9110 section 5)
//	response.field-name              app      warning
//		the name of a field is a letter, then letters, digits, - and _, the last two not at the end (wsgiref, Plack)
//	response.field-value             app      warning
//		the value of a field is visible ASCII and spaces (RFC 9110 section 5.5, wsgiref)
//	response.status-field            app      error
//		no field is named Status: Start sets it (RFC 3875 section 6.3.3)
//	response.hop-by-hop              app      error
//		no field is hop-by-hop: valid for one connection only (RFC 9110 section 7.6.1)
//	response.repeated-field          app      error
//		Content-Type and Location are sent at most once (RFC 3875 section 6.3)
//	response.content-type            app      error
//		a response with a body has a Content-Type (RFC 3875 section 6.3.1)
//	response.entity-field            app      error
//		204, 205 and 304 have no Content-Type and no Content-Length (RFC 9110 sections 8.6, 15.3.6 and 15.4.5)
//	response.content-length          app      error
//		there is at most one Content-Length, of digits that fit 63 bits (RFC 9110 section 8.6)
//	response.length-mismatch         app      error
//		the body has the length that Content-Length declares (RFC 9110 section 8.6)
//	response.head-body               app      warning
//		no body is written in answer to HEAD (RFC 3875 section 4.3.2)
//	response.body-not-allowed        app      error
//		no body is written with 204, 205 and 304 (RFC 9110 sections 6.4.1 and 15.3.6)
//	response.fields-after-head       app      warning
//		fields are not changed after the head is committed (gateway.ResponseWriter)
//	response.concurrent              app      error
//		the ResponseWriter is used by one goroutine at a time (gateway.ResponseWriter)
//	response.after-return            app      error
//		the ResponseWriter is not used after the App has returned (gateway.App)
func Rules() []Rule { return slices.Clone(rules[:]) }

// rule is an index into the table.
type rule uint8

const (
	environName rule = iota
	environValue
	environRequestMethod
	environUnusualMethod
	environScriptName
	environScriptNameMissing
	environPathInfo
	environPathInfoMissing
	environPathInfoEncoded
	environRequestURI
	environRequestTarget
	environQueryString
	environQueryStringMissing
	environServerName
	environServerNameMissing
	environServerPort
	environServerProtocol
	environServerProtocolMissing
	environGatewayInterface
	environRemoteAddr
	environContentLength
	environHTTPContent
	environHTTPProxy
	environHTTPHost
	requestIncomplete
	requestScheme
	stdinCount
	stdinLong
	stdinShort
	stdinRevived
	stderrCount
	writerCount
	stdinPastEnd
	requestAfterReturn
	responseStartMissing
	responseSilent
	responseStatus
	responseStatusClass
	responseInterim
	responseStartAfterHead
	responseField
	responseFieldName
	responseFieldValue
	responseStatusField
	responseHopByHop
	responseRepeatedField
	responseContentType
	responseEntityField
	responseContentLength
	responseLengthMismatch
	responseHeadBody
	responseBodyNotAllowed
	responseFieldsAfterHead
	responseConcurrent
	responseAfterReturn
	ruleCount
)

// An exchange records the reported rules as bits of a uint64.
const _ = uint(64 - ruleCount)

// rules is the table; it must not be changed. Documents are cited by the short names that
// testdata/requirements.txt defines.
var rules = [ruleCount]Rule{
	environName:                  {"environ.name", SideGateway, SeverityError, `the name of a variable is not empty and holds no "=" and no NUL`, "RFC 3875 section 4.1, SCGI section 3"},
	environValue:                 {"environ.value", SideGateway, SeverityError, "the value of a variable holds no NUL", "SCGI section 3"},
	environRequestMethod:         {"environ.request-method", SideGateway, SeverityError, "REQUEST_METHOD is set and a token", "RFC 3875 section 4.1.12"},
	environUnusualMethod:         {"environ.unusual-method", SideGateway, SeverityWarning, "REQUEST_METHOD is a registered method", "RFC 9110 section 16.1.1"},
	environScriptName:            {"environ.script-name", SideGateway, SeverityError, `SCRIPT_NAME is empty, or begins with a slash and is not "/"`, "RFC 3875 section 4.1.13, wsgiref"},
	environScriptNameMissing:     {"environ.script-name-missing", SideGateway, SeverityWarning, "SCRIPT_NAME is set, possibly to the empty string", "RFC 3875 section 4.1.13"},
	environPathInfo:              {"environ.path-info", SideGateway, SeverityError, "PATH_INFO is empty or begins with a slash", "RFC 3875 section 4.1.5"},
	environPathInfoMissing:       {"environ.path-info-missing", SideGateway, SeverityError, "PATH_INFO is set if SCRIPT_NAME is empty", "wsgiref, Rack::Lint"},
	environPathInfoEncoded:       {"environ.path-info-encoded", SideGateway, SeverityError, "PATH_INFO is decoded: it is not the encoded text of REQUEST_URI", "RFC 3875 section 4.1.5"},
	environRequestURI:            {"environ.request-uri", SideGateway, SeverityWarning, "SCRIPT_NAME and PATH_INFO are the path of REQUEST_URI, decoded once", "RFC 3875 section 3.3"},
	environRequestTarget:         {"environ.request-target", SideGateway, SeverityWarning, "REQUEST_URI is a request target, in a form that suits the method", "RFC 9112 section 3.2"},
	environQueryString:           {"environ.query-string", SideGateway, SeverityWarning, `QUERY_STRING is encoded: no space, control character or "#"`, "RFC 3875 section 4.1.7"},
	environQueryStringMissing:    {"environ.query-string-missing", SideGateway, SeverityWarning, "QUERY_STRING is set, possibly to the empty string", "RFC 3875 section 4.1.7"},
	environServerName:            {"environ.server-name", SideGateway, SeverityWarning, "SERVER_NAME is a host name, an IPv4 address, or an IPv6 address in brackets", "RFC 3875 section 4.1.14"},
	environServerNameMissing:     {"environ.server-name-missing", SideGateway, SeverityError, "SERVER_NAME is set", "RFC 3875 section 4.1.14"},
	environServerPort:            {"environ.server-port", SideGateway, SeverityError, "SERVER_PORT is set and a number up to 65535", "RFC 3875 section 4.1.15"},
	environServerProtocol:        {"environ.server-protocol", SideGateway, SeverityError, `SERVER_PROTOCOL is a protocol and its version, or "INCLUDED"`, "RFC 3875 section 4.1.16"},
	environServerProtocolMissing: {"environ.server-protocol-missing", SideGateway, SeverityWarning, "SERVER_PROTOCOL is set", "RFC 3875 section 4.1.16"},
	environGatewayInterface:      {"environ.gateway-interface", SideGateway, SeverityWarning, `GATEWAY_INTERFACE, if set, is "CGI/" and a version`, "RFC 3875 section 4.1.4"},
	environRemoteAddr:            {"environ.remote-addr", SideGateway, SeverityWarning, `REMOTE_ADDR, if set, is an address without brackets and port, or nginx's "unix:"`, "RFC 3875 section 4.1.8"},
	environContentLength:         {"environ.content-length", SideGateway, SeverityError, "CONTENT_LENGTH is empty or digits that fit 63 bits", "RFC 3875 section 4.1.2"},
	environHTTPContent:           {"environ.http-content", SideGateway, SeverityError, "HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH are not set", "RFC 3875 section 4.1.18, wsgiref"},
	environHTTPProxy:             {"environ.http-proxy", SideGateway, SeverityError, "HTTP_PROXY is not set, since programs use it as their proxy", "CVE-2016-5386"},
	environHTTPHost:              {"environ.http-host", SideGateway, SeverityWarning, "HTTP_HOST is empty, or a host with or without a port", "RFC 9110 section 7.2"},

	requestIncomplete: {"request.incomplete", SideGateway, SeverityError, "no part of the request is nil", "gateway.Request, wsgiref"},
	requestScheme:     {"request.scheme", SideGateway, SeverityError, `Scheme is "http" or "https"`, "gateway.Request, wsgiref"},
	stdinCount:        {"stdin.count", SideGateway, SeverityError, "Read returns at most as many bytes as were requested", "io.Reader"},
	stdinLong:         {"stdin.long", SideGateway, SeverityError, "Stdin ends after CONTENT_LENGTH bytes", "RFC 3875 section 4.2"},
	stdinShort:        {"stdin.short", SideGateway, SeverityError, "a body that ends before CONTENT_LENGTH bytes ends in an error other than io.EOF", "gateway.Request"},
	stdinRevived:      {"stdin.revived", SideGateway, SeverityError, "after io.EOF, Stdin returns no more bytes", "io.EOF"},
	stderrCount:       {"stderr.count", SideGateway, SeverityError, "Write to Stderr writes all bytes or returns an error", "io.Writer"},
	writerCount:       {"writer.count", SideGateway, SeverityError, "Write to the ResponseWriter writes all bytes or returns an error", "io.Writer"},

	stdinPastEnd:            {"stdin.past-end", SideApp, SeverityWarning, "Stdin is not read again after io.EOF", "RFC 3875 section 4.2"},
	requestAfterReturn:      {"request.after-return", SideApp, SeverityError, "Stdin and Stderr are not used after the App has returned", "gateway.App"},
	responseStartMissing:    {"response.start-missing", SideApp, SeverityWarning, "Start comes before Write and Flush", "wsgiref"},
	responseSilent:          {"response.silent", SideApp, SeverityWarning, "an App starts a response", "wsgiref"},
	responseStatus:          {"response.status", SideApp, SeverityError, "the status is three digits from 100 up, a space and a reason without control characters", "RFC 9112 section 4"},
	responseStatusClass:     {"response.status-class", SideApp, SeverityWarning, "the status is below 600", "RFC 9110 section 15"},
	responseInterim:         {"response.interim", SideApp, SeverityWarning, "the status is not 1xx, which CGI cannot carry", "RFC 3875 section 6.3.3"},
	responseStartAfterHead:  {"response.start-after-head", SideApp, SeverityError, "Start comes before the head is committed", "gateway.ResponseWriter"},
	responseField:           {"response.field", SideApp, SeverityError, "the name of a field is a token, its value without control characters", "RFC 9110 section 5"},
	responseFieldName:       {"response.field-name", SideApp, SeverityWarning, "the name of a field is a letter, then letters, digits, - and _, the last two not at the end", "wsgiref, Plack"},
	responseFieldValue:      {"response.field-value", SideApp, SeverityWarning, "the value of a field is visible ASCII and spaces", "RFC 9110 section 5.5, wsgiref"},
	responseStatusField:     {"response.status-field", SideApp, SeverityError, "no field is named Status: Start sets it", "RFC 3875 section 6.3.3"},
	responseHopByHop:        {"response.hop-by-hop", SideApp, SeverityError, "no field is hop-by-hop: valid for one connection only", "RFC 9110 section 7.6.1"},
	responseRepeatedField:   {"response.repeated-field", SideApp, SeverityError, "Content-Type and Location are sent at most once", "RFC 3875 section 6.3"},
	responseContentType:     {"response.content-type", SideApp, SeverityError, "a response with a body has a Content-Type", "RFC 3875 section 6.3.1"},
	responseEntityField:     {"response.entity-field", SideApp, SeverityError, "204, 205 and 304 have no Content-Type and no Content-Length", "RFC 9110 sections 8.6, 15.3.6 and 15.4.5"},
	responseContentLength:   {"response.content-length", SideApp, SeverityError, "there is at most one Content-Length, of digits that fit 63 bits", "RFC 9110 section 8.6"},
	responseLengthMismatch:  {"response.length-mismatch", SideApp, SeverityError, "the body has the length that Content-Length declares", "RFC 9110 section 8.6"},
	responseHeadBody:        {"response.head-body", SideApp, SeverityWarning, "no body is written in answer to HEAD", "RFC 3875 section 4.3.2"},
	responseBodyNotAllowed:  {"response.body-not-allowed", SideApp, SeverityError, "no body is written with 204, 205 and 304", "RFC 9110 sections 6.4.1 and 15.3.6"},
	responseFieldsAfterHead: {"response.fields-after-head", SideApp, SeverityWarning, "fields are not changed after the head is committed", "gateway.ResponseWriter"},
	responseConcurrent:      {"response.concurrent", SideApp, SeverityError, "the ResponseWriter is used by one goroutine at a time", "gateway.ResponseWriter"},
	responseAfterReturn:     {"response.after-return", SideApp, SeverityError, "the ResponseWriter is not used after the App has returned", "gateway.App"},
}
