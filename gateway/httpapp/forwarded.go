package httpapp

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// forwarded is what trusted proxies say of a request. Empty fields are not known.
type forwarded struct {
	client     netip.AddrPort // not valid if the address is not known; port 0 if only the port is not
	scheme     string         // http or https
	host, port string
	malformed  string // name of a field of which a part was ignored
}

// readForwarded returns what the fields of r say, or nil if the peer is not a trusted proxy.
func (h *AppHandler) readForwarded(r *http.Request) *forwarded {
	if !h.trusts(r.RemoteAddr) {
		return nil
	}
	f := new(forwarded)
	switch {
	case len(r.Header["X-Forwarded-For"]) > 0:
		f.readOthers(r.Header, f.readClient(r.Header, h.TrustedProxies))
	case len(r.Header["Forwarded"]) > 0:
		f.readStandard(r.Header["Forwarded"], h.TrustedProxies)
	default:
		f.readOthers(r.Header, 1)
	}
	h.warnForwarded(r, f)
	return f
}

// warnForwarded logs fields that are ignored.
func (h *AppHandler) warnForwarded(r *http.Request, f *forwarded) {
	if h.ErrorLog == nil {
		return
	}
	if f.malformed != "" && h.malformed.IsNews() {
		h.ErrorLog.Warn("httpapp: ignoring a field of a trusted proxy from its malformed element on",
			"field", f.malformed, "value", cut(strings.Join(r.Header[f.malformed], ", ")), "peer", r.RemoteAddr)
	}
	if len(r.Header["Forwarded"]) > 0 && len(r.Header["X-Forwarded-For"]) > 0 && h.bothKinds.IsNews() {
		h.ErrorLog.Warn("httpapp: a trusted proxy sends both X-Forwarded-For and Forwarded, using X-Forwarded-For; let it remove the other",
			"peer", r.RemoteAddr)
	}
}

// cut bounds a value for the log.
func cut(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// trusts reports whether a peer is a trusted proxy.
func (h *AppHandler) trusts(remote string) bool {
	if h.TrustUnix && (remote == "" || remote[0] == '@' || remote[0] == '/') {
		return true
	}
	if len(h.TrustedProxies) == 0 {
		return false
	}
	a, err := netip.ParseAddrPort(remote)
	return err == nil && transport.Contains(h.TrustedProxies, a.Addr())
}

// readClient reads X-Forwarded-For from the right: the client is the first address that is not a
// trusted proxy, or the last one before an element that is no address. It returns the number of
// addresses that it has read, or 1 if that is 0. nginx does the same with real_ip_recursive on.
func (f *forwarded) readClient(header http.Header, trusted []netip.Prefix) (hops int) {
	const name = "X-Forwarded-For"
	list := strings.Join(header[name], ",")
	for {
		var element string
		if list, element = cutLastWord(list); element == "" {
			break
		}
		client, ok := parseNode(element)
		if !ok {
			f.noteMalformed(name, element)
			break
		}
		hops++
		if f.client = client; !transport.Contains(trusted, client.Addr()) {
			break
		}
	}
	return max(hops, 1)
}

// noteMalformed records that a field has a malformed element. "unknown" and names that begin with
// "_" are not malformed: a proxy hides its client by them (RFC 7239 sections 6.2 and 6.3).
func (f *forwarded) noteMalformed(name, element string) {
	if !strings.EqualFold(element, "unknown") && !strings.HasPrefix(element, "_") {
		f.malformed = name
	}
}

// cutLastWord cuts the last element off a list that has commas or spaces between its elements.
func cutLastWord(list string) (rest, word string) {
	const separators = " ,\t"
	list = strings.TrimRight(list, separators)
	i := strings.LastIndexAny(list, separators) + 1
	return list[:i], list[i:]
}

// parseNode parses an address with or without a port.
func parseNode(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a, a.Port() != 0 && a.Addr().Zone() == ""
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if s, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(s, ":") {
			return netip.AddrPort{}, false
		}
	}
	ip, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(ip, 0), err == nil && ip.Zone() == ""
}

// readOthers reads X-Forwarded-Proto, -Host and -Port. Proxies may append to them as to
// X-Forwarded-For, so the element with the number hops from the right counts, or the first one of a
// shorter list.
func (f *forwarded) readOthers(header http.Header, hops int) {
	f.setScheme("X-Forwarded-Proto", elementAt(header["X-Forwarded-Proto"], hops))
	f.setHost("X-Forwarded-Host", elementAt(header["X-Forwarded-Host"], hops))
	port := elementAt(header["X-Forwarded-Port"], hops)
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n != 0 {
		f.port = strconv.FormatUint(n, 10)
	} else if port != "" {
		f.malformed = "X-Forwarded-Port"
	}
}

// elementAt returns an element of a list by its number from the right, which begins with 1, or the
// first element of a shorter list. It returns "" for an empty list.
func elementAt(values []string, number int) (element string) {
	list := strings.Join(values, ",")
	for range number {
		rest, word := cutLastWord(list)
		if word == "" {
			break
		}
		list, element = rest, word
	}
	return element
}

func (f *forwarded) setScheme(field, scheme string) {
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https":
		f.scheme = scheme
	case "":
	default:
		f.malformed = field
	}
}

// setHost sets the host, and the port if host has one.
func (f *forwarded) setHost(field, host string) {
	if host == "" {
		return
	}
	name, port := splitHost(host)
	if !isHostName(name) && !isIPv6(name) {
		f.malformed = field
		return
	}
	f.host, f.port = name, port
}

func isIPv6(s string) bool {
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Is6() && ip.Zone() == ""
}

// isHostName reports whether s consists of what names and IPv4 addresses consist of.
func isHostName(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// withClient returns r with the address of the client that f names.
func (f *forwarded) withClient(r *http.Request) *http.Request {
	if f == nil || !f.client.IsValid() {
		return r
	}
	r = r.WithContext(r.Context()) // a copy: net/http still uses the original
	if r.RemoteAddr = f.client.String(); f.client.Port() == 0 {
		r.RemoteAddr = f.client.Addr().String()
	}
	return r
}

// describe sets the variables of the server that the client has reached.
func (f *forwarded) describe(e *util.Environ) {
	if f == nil || f.scheme == "" && f.host == "" && f.port == "" {
		return
	}
	if f.scheme != "" {
		e.Set("REQUEST_SCHEME", f.scheme)
		e.Del("HTTPS")
	}
	if f.scheme == "https" {
		e.Set("HTTPS", "on")
	}
	port := f.port
	if f.host == "" {
		_, hostPort := splitHost(e.Get("HTTP_HOST"))
		port = cmp.Or(port, hostPort)
	} else {
		e.Set("SERVER_NAME", bracketed(f.host))
	}
	e.Set("SERVER_PORT", cmp.Or(port, defaultPort(e.Get("REQUEST_SCHEME"))))
}
