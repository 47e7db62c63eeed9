package httpapp

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// ErrOutsideMount is returned by [MetaVariables] for a request whose path is not below the mount.
var ErrOutsideMount = errors.New("httpapp: path is outside the mount")

// serverSoftware is SERVER_SOFTWARE: a product token without version (RFC 3875 section 4.1.17).
const serverSoftware = "cgikit"

// MetaVariables describes r by meta-variables, as RFC 3875 section 4.1 requires of a web server.
// mount becomes SCRIPT_NAME and the rest of the path PATH_INFO; see [AppHandler] for the form of
// mount. The error is [ErrOutsideMount], or a [*gateway.RequestError] if a variable cannot hold
// what the client sent.
//
// The path is that of r.URL, which an outer handler may have changed. Dot segments and repeated
// slashes stay in PATH_INFO, and a %2F becomes a slash there without changing where the mount ends.
// REQUEST_URI is the path and the query as the client sent them. Of an absolute-form target, which
// may contain a user's password, only these are kept (RFC 9112 section 3.2). A target with a "#",
// or without a form of that section, is an error.
//
// SERVER_NAME is the host that the client sent, and SERVER_PORT the port that received the request.
// REMOTE_ADDR is "unix:" for a unix socket, as in nginx. REMOTE_ADDR and SERVER_ADDR have no IPv6
// zone, and an IPv4-mapped address is written as IPv4. AUTH_TYPE, REMOTE_USER, REMOTE_HOST,
// PATH_TRANSLATED and DOCUMENT_ROOT are not set, since r does not have their values.
//
// A field of the client becomes an HTTP_ variable only if its name consists of letters, digits and
// hyphens, since X_Forwarded_For and X.Forwarded.For could be taken for X-Forwarded-For. Repeated
// fields are joined, by "; " in Cookie and by ", " otherwise. Proxy (httpoxy), Proxy-Authorization,
// Transfer-Encoding and Trailer are left out. Content-Type and Content-Length have variables of
// their own. Authorization is included, since only the App can check it.
//
// CONTENT_LENGTH is set for a body of known length, and for the length 0 if the client declared it.
func MetaVariables(r *http.Request, mount string) (*util.Environ, error) {
	mount = util.CleanMount(mount)
	uri, err := requestURI(r)
	if err != nil {
		return nil, err
	}
	info, err := pathInfo(r, mount)
	if err != nil {
		return nil, err
	}
	e := util.NewEnviron()
	e.Add("GATEWAY_INTERFACE", "CGI/1.1")
	e.Add("SERVER_SOFTWARE", serverSoftware)
	e.Add("SERVER_PROTOCOL", cmp.Or(r.Proto, "HTTP/1.1"))
	e.Add("REQUEST_METHOD", cmp.Or(r.Method, http.MethodGet))
	e.Add("REQUEST_URI", uri)
	e.Add("SCRIPT_NAME", mount)
	e.Add("PATH_INFO", info)
	e.Add("QUERY_STRING", r.URL.RawQuery)
	addServer(e, r)
	addRemote(e, r.RemoteAddr)
	addBody(e, r)
	addFields(e, r)
	return e, nil
}

func addServer(e *util.Environ, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
		e.Add("HTTPS", "on")
	}
	e.Add("REQUEST_SCHEME", scheme)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	localHost, localPort := hostPort(local)
	name, port := splitHost(r.Host)
	e.Add("SERVER_NAME", bracketed(cmp.Or(name, localHost, "localhost")))
	e.Add("SERVER_PORT", cmp.Or(localPort, port, defaultPort(scheme)))
	if localHost != "" {
		e.Add("SERVER_ADDR", localHost)
	}
}

// bracketed returns a host in the form of RFC 3875 section 4.1.14: an IPv6 address has brackets.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// hostPort returns the IP address and the port of a listener. Both are empty for a unix socket.
func hostPort(addr net.Addr) (host, port string) {
	if addr == nil {
		return "", ""
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "", ""
	}
	return addressText(ap.Addr()), strconv.Itoa(int(ap.Port()))
}

// addressText returns an address in the form of RFC 3875 section 4.1.8: without an IPv6 zone, which
// has a meaning on one machine only. An IPv4 client of a dual-stack listener has its IPv4 address,
// as with nginx.
func addressText(ip netip.Addr) string { return ip.WithZone("").Unmap().String() }

// splitHost splits a Host field. The name has no brackets. A port that is not a number is dropped.
func splitHost(host string) (name, port string) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
	}
	if port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			port = ""
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), port
}

// addRemote sets the client's address. A middleware that trusts X-Forwarded-For may have set an
// address without a port.
func addRemote(e *util.Environ, remote string) {
	host, port, err := net.SplitHostPort(remote)
	switch {
	case err != nil && remote != "" && (remote[0] == '@' || remote[0] == '/'):
		host = "unix:" // net/http sets the name of the client's socket, or @ if it has none
	case err != nil:
		host = remote
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = addressText(ip)
	}
	e.Add("REMOTE_ADDR", host)
	if err == nil {
		e.Add("REMOTE_PORT", port)
	}
}

func addBody(e *util.Environ, r *http.Request) {
	_, declared := r.Header["Content-Length"]
	if r.ContentLength > 0 || r.ContentLength == 0 && declared {
		e.Add("CONTENT_LENGTH", strconv.FormatInt(r.ContentLength, 10))
	}
	if values, ok := r.Header["Content-Type"]; ok {
		e.Add("CONTENT_TYPE", strings.Join(values, ", "))
	}
}

// addFields sets the HTTP_ variables, sorted: net/http has lost the client's order.
func addFields(e *util.Environ, r *http.Request) {
	if r.Host != "" {
		e.Add("HTTP_HOST", r.Host)
	}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		variable, ok := variableName(name)
		if !ok {
			continue
		}
		separator := ", "
		if variable == "HTTP_COOKIE" {
			separator = "; " // RFC 6265 section 5.4; nginx ticket 1724
		}
		e.Add(variable, strings.Join(r.Header[name], separator))
	}
}

// variableName returns the variable of a field, and whether the field gets one (see
// [MetaVariables]).
func variableName(field string) (string, bool) {
	const prefix = "HTTP_"
	var room [64]byte // for most names, so that the variable is the only allocation
	name := append(room[:0], prefix...)
	for i := range len(field) {
		c := field[i]
		switch {
		case c == '-':
			c = '_'
		case !isAlphanumeric(c):
			return "", false // GHSA-f59h-q822-g45g, GHSA-49wc-4hcv-v58q
		case c >= 'a':
			c -= 'a' - 'A'
		}
		name = append(name, c)
	}
	switch string(name[len(prefix):]) {
	case "", "HOST", "PROXY", "PROXY_AUTHORIZATION", "TRAILER", "TRANSFER_ENCODING", "CONTENT_TYPE", "CONTENT_LENGTH":
		return "", false
	}
	return string(name), true
}
