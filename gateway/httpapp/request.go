package httpapp

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// newRequest makes the http.Request from the variables that the web server sent.
func (x *handling) newRequest(r *gateway.Request) (*http.Request, error) {
	e := r.Environ
	method := cmp.Or(e.Get("REQUEST_METHOD"), http.MethodGet)
	target, uri := requestTarget(e, method)
	host, err := requestHost(e, target.Host, r.Scheme)
	if err != nil {
		return nil, err
	}
	length, chunked, err := bodyLength(e, method)
	if err != nil {
		return nil, err
	}
	request := &http.Request{
		Method:        method,
		URL:           target,
		Header:        requestFields(e),
		Body:          http.NoBody,
		ContentLength: length,
		Host:          host,
		RemoteAddr:    remoteAddr(e.Get("REMOTE_ADDR"), e.Get("REMOTE_PORT")),
		RequestURI:    uri,
	}
	request.Proto, request.ProtoMajor, request.ProtoMinor = protocol(e.Get("SERVER_PROTOCOL"))
	if length != 0 {
		request.Body = &x.body
	}
	if chunked {
		request.TransferEncoding = []string{"chunked"}
	}
	if r.Scheme == "https" {
		request.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	return request.WithContext(&x.ctx), nil
}

// unknownLength is the ContentLength of an http.Request whose body ends with the stream.
const unknownLength = -1

// bodyLength returns the ContentLength, and whether the client sent the body in chunks.
// CONTENT_LENGTH is absent for a request without a body, and also for a body of unknown length if
// the protocol allows that. Only reading the body would show the difference, and could wait for the
// client. So a request with a safe method (RFC 9110 section 9.2.1) is taken to have no body.
func bodyLength(e *util.Environ, method string) (length int64, chunked bool, err error) {
	if declared := e.Get("CONTENT_LENGTH"); declared != "" {
		n, err := strconv.ParseUint(declared, 10, 63)
		if err != nil {
			return 0, false, badRequest("malformed CONTENT_LENGTH", declared)
		}
		return int64(n), false, nil
	}
	if strings.EqualFold(e.Get("HTTP_TRANSFER_ENCODING"), "chunked") {
		return unknownLength, true, nil
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return 0, false, nil
	}
	return unknownLength, false, nil
}

// requestHost returns the Host: that of an absolute-form target (RFC 9112 section 3.2.2), or the
// client's Host field, or the name that the web server has for itself. nginx sends its server_name,
// which may be a regular expression; then the Host is empty.
func requestHost(e *util.Environ, target, scheme string) (string, error) {
	if host := cmp.Or(target, e.Get("HTTP_HOST")); host != "" {
		if !validHost(host) {
			return "", badRequest("malformed HTTP_HOST", host)
		}
		return host, nil
	}
	host := cmp.Or(e.Get("SERVER_NAME"), e.Get("SERVER_ADDR"))
	if strings.Contains(host, ":") && host[0] != '[' {
		host = "[" + host + "]"
	}
	if port := e.Get("SERVER_PORT"); port != "" && port != defaultPort(scheme) {
		host += ":" + port
	}
	if !validHost(host) {
		return "", nil
	}
	return host, nil
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// validHost allows the bytes of uri-host and port (RFC 9110 section 7.2, RFC 3986 section 3.2.2) in
// any order, as net/http does.
func validHost(host string) bool {
	for i := range len(host) {
		c := host[i]
		if !isAlphanumeric(c) && strings.IndexByte("-._~%!$&'()*+,;=:[]", c) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// remoteAddr joins address and port so that net.SplitHostPort can split them. Text that is not an
// address is returned unchanged: nginx sends "unix:" for a client on a unix socket, and other
// servers send nothing.
func remoteAddr(addr, port string) string {
	bare := strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	if _, err := netip.ParseAddr(bare); err != nil {
		return addr
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		port = "0"
	}
	return net.JoinHostPort(bare, port)
}

// protocol parses the client's protocol. nginx and others write HTTP/2.0, some HTTP/2. INCLUDED is
// the protocol of a server-side include (RFC 3875 section 4.1.16). It gets the version 1.0, and so
// does a missing or malformed protocol.
func protocol(s string) (proto string, major, minor int) {
	if major, minor, ok := http.ParseHTTPVersion(s); ok {
		return s, major, minor
	}
	switch s {
	case "HTTP/2":
		return "HTTP/2.0", 2, 0
	case "HTTP/3":
		return "HTTP/3.0", 3, 0
	case included:
		return included, 1, 0
	}
	return "HTTP/1.0", 1, 0
}

// included is the SERVER_PROTOCOL of a server-side include.
const included = "INCLUDED"

func badRequest(reason, input string) error {
	const most = 64 // the limit that gateway.RequestError documents
	return &gateway.RequestError{Reason: reason, Input: input[:min(len(input), most)]}
}
