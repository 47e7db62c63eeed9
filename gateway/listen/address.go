package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address is a parsed address, to listen on or to connect to. The fields that Network does not use
// are zero.
type Address struct {
	// Protocol is "http", "https", "fastcgi", "scgi" or "auto" for a socket, "" for a socket
	// without a protocol, and "cgi", "files" or "demo" for a target that is not a socket.
	Protocol string

	// Network is "tcp", "unix", "fd" or "systemd"; "" for cgi, files and demo.
	Network string

	// tcp: an IP address without brackets, or a host name; Parse sets 127.0.0.1 if there is none
	Host string
	Port uint16 // tcp: 0 lets the system choose when listening
	Path string // unix: path of the socket, "@name" if abstract; cgi and files: a folder or file
	FD   int    // fd: the number of the inherited descriptor
	// systemd: a name of LISTEN_FDNAMES or an index from 0; "" means the only socket
	Name string

	// Mode has the permission bits of a unix socket. Zero means DefaultMode.
	Mode fs.FileMode
	// Owner and Group of a unix socket, by name or number. "" leaves what the system sets.
	Owner, Group string
	// Takeover replaces an existing unix socket, even one that is in use. See Listen.
	Takeover bool

	// Proxy is set if each connection to a tcp or unix socket begins with a header of the PROXY
	// protocol. See ProxyConn.
	Proxy bool
}

// DefaultMode is the mode of a unix socket whose address has none. The owner and the group may
// connect.
const DefaultMode fs.FileMode = 0o660

// AddressError is a mistake in an address. Parse and Listen return it for every such mistake. If
// the system refuses to listen on an address (a port is in use, a folder is missing), Listen
// returns an [*OpenError].
type AddressError struct {
	Input  string // the address as the caller wrote it
	Reason string // what is wrong with it, and what is allowed
}

// Error quotes at most 100 bytes of the address.
func (e *AddressError) Error() string {
	const most = 100
	if len(e.Input) > most {
		return fmt.Sprintf("listen: address %q... %s", e.Input[:most], e.Reason)
	}
	return fmt.Sprintf("listen: address %q %s", e.Input, e.Reason)
}

// Parse parses an address. Code and the command line have the same grammar:
//
//	http://127.0.0.1:8080               a protocol (http, https, fastcgi, scgi, auto) over TCP
//	fastcgi+unix:/run/app.sock          over a unix socket; also fastcgi+unix:///run/app.sock
//	scgi+unix:/run/app.sock?mode=0660&owner=www-data&group=www-data
//	scgi+unix:@app                      over an abstract unix socket (Linux)
//	fastcgi+fd:0                        on a listening socket inherited as descriptor 0
//	fastcgi+systemd:NAME                on the only socket that systemd passed, or by name or index
//	http://127.0.0.1:8080?proxy=1       over TCP from HAProxy, with a header of the PROXY protocol
//	auto://127.0.0.1:9000               all protocols on one listener
//	cgi:/srv/cgi-bin                    a folder of CGI scripts, or one script (a target only)
//	files:/srv/www                      a folder of files (a target only)
//	spawn:PROGRAM ARGS                  a FastCGI program and its arguments (a target only)
//	demo:                               the demo application (a target only)
//
// A server of one protocol also accepts an address without the protocol:
//
//	127.0.0.1:9000   [::1]:9000   localhost:9000   :9000   9000
//	unix:/run/app.sock   /run/app.sock   fd:0   systemd:NAME
//
// A TCP address without a host means 127.0.0.1, so that no program is open to other machines by
// omission. 0.0.0.0:9000 means all IPv4 addresses of the machine, and [::]:9000 all IPv4 and IPv6
// addresses. The options of a unix socket follow a question mark, so its path cannot contain one.
// They are mode (octal; 0660 if left out), owner and group (name or number), and takeover=1, by
// which a new process replaces one that still serves there. A listener on a TCP or unix socket may
// have proxy=1: each connection then begins with a header of the PROXY protocol (see [ProxyConn]).
// Schemes may be in upper or lower case. Nothing is percent-encoded.
//
// The error is always an *AddressError. Parse uses no file, socket or name service. Its result
// depends on the system only in the longest path of a unix socket.
func Parse(s string) (Address, error) {
	a, err := parse(s)
	if err != nil {
		return Address{}, &AddressError{Input: s, Reason: err.Error()}
	}
	return a, nil
}

// ParseFor is Parse for a server or client of one protocol: s may have that protocol or none, and
// the result has it. An address of another protocol is an *AddressError. If the grammar does not
// know the protocol, s must have none.
func ParseFor(protocol, s string) (Address, error) {
	a, err := Parse(s)
	if err != nil {
		return Address{}, err
	}
	if a.Protocol != "" && a.Protocol != protocol {
		return Address{}, &AddressError{Input: s, Reason: fmt.Sprintf("has the protocol %s: here it must be %s, or none", a.Protocol, protocol)}
	}
	a.Protocol = protocol
	return a, nil
}

// String returns the address in the form that Parse reads back to the same Address.
func (a Address) String() string {
	var rest string
	switch a.Network {
	case "":
		return a.Protocol + ":" + a.Path
	case "tcp":
		rest = net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) + a.options()
		if a.Protocol == "" {
			return rest
		}
		return a.Protocol + "://" + rest
	case "unix":
		rest = a.Path + a.options()
	case "fd":
		rest = strconv.Itoa(a.FD)
	case "systemd":
		rest = a.Name
	}
	if a.Protocol == "" {
		return a.Network + ":" + rest
	}
	return a.Protocol + "+" + a.Network + ":" + rest
}

func (a Address) options() string {
	var list []string
	if a.Mode != 0 {
		list = append(list, fmt.Sprintf("mode=%04o", uint32(a.Mode)))
	}
	if a.Owner != "" {
		list = append(list, "owner="+a.Owner)
	}
	if a.Group != "" {
		list = append(list, "group="+a.Group)
	}
	if a.Takeover {
		list = append(list, "takeover=1")
	}
	if a.Proxy {
		list = append(list, "proxy=1")
	}
	if list == nil {
		return ""
	}
	return "?" + strings.Join(list, "&")
}

// Hints for mistakes that have several possible causes.
const (
	hintForms = "HOST:PORT, unix:/PATH, fd:N, systemd:NAME, PROTOCOL://HOST:PORT or PROTOCOL+unix:/PATH, " +
		"PROTOCOL being http, https, fastcgi, scgi or auto"
	hintPort = "write HOST:PORT, or unix:PATH for a unix socket"
)

func parse(s string) (Address, error) {
	if s == "" {
		return Address{}, errors.New("is empty: write " + hintForms)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return Address{}, fmt.Errorf("contains the control character %q", s[i])
		}
	}
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
		return parseUnix("", s)
	}
	scheme, rest, found := strings.Cut(s, ":")
	if !found {
		return parseTCP("", s)
	}
	return parseScheme(strings.ToLower(scheme), rest, s)
}

// parseScheme parses an address with a colon, of which scheme is before and rest after it. scheme
// may be a host instead.
func parseScheme(scheme, rest, whole string) (Address, error) {
	switch scheme {
	case "cgi", "files":
		path, err := parsePath(rest)
		return Address{Protocol: scheme, Path: path}, err
	case "spawn":
		if strings.TrimSpace(rest) == "" {
			return Address{}, errors.New("names no program after the scheme")
		}
		return Address{Protocol: scheme, Path: rest}, nil
	case "demo":
		if rest != "" {
			return Address{}, errors.New("has text after demo:, where none is allowed")
		}
		return Address{Protocol: scheme}, nil
	case "http", "https", "fastcgi", "scgi", "auto":
		hostPort, slashes := strings.CutPrefix(rest, "//")
		if !slashes || strings.HasPrefix(hostPort, "/") {
			return Address{}, fmt.Errorf("is incomplete: write %s://HOST:PORT, or %[1]s+unix:/PATH", scheme)
		}
		return parseTCP(scheme, hostPort)
	}
	protocol, network, both := strings.Cut(scheme, "+")
	if !both {
		protocol, network = "", scheme
	}
	switch {
	case both && !isSocketProtocol(protocol):
	case network == "unix":
		return parseUnix(protocol, rest)
	case network == "fd":
		return parseFD(protocol, rest)
	case network == "systemd":
		return parseSystemd(protocol, rest)
	case !both && !strings.HasPrefix(rest, "//"):
		return parseTCP("", whole)
	}
	return Address{}, fmt.Errorf("begins with %q, which is unknown: write %s", scheme+":", hintForms)
}

// isSocketProtocol reports whether a socket may have the protocol.
func isSocketProtocol(protocol string) bool {
	switch protocol {
	case "http", "https", "fastcgi", "scgi", "auto":
		return true
	}
	return false
}

func parseFD(protocol, s string) (Address, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return Address{}, errors.New("has no descriptor number after fd: (0 is the usual one)")
	}
	return Address{Protocol: protocol, Network: "fd", FD: int(n)}, nil
}

// parseSystemd refuses names that sd_listen_fds_with_names(3) does not allow.
func parseSystemd(protocol, s string) (Address, error) {
	if strings.Contains(s, ":") || len(s) > 255 {
		return Address{}, errors.New("has a name that systemd does not allow: at most 255 bytes, and no colon")
	}
	return Address{Protocol: protocol, Network: "systemd", Name: s}, nil
}

// parsePath parses the path after a scheme. Three slashes are the empty host of a URL and a path,
// as in rTorrent's scgi+unix:///path.
func parsePath(s string) (string, error) {
	if s == "" {
		return "", errors.New("has no path")
	}
	short := strings.TrimLeft(s, "/")
	switch len(s) - len(short) {
	case 0:
		return s, nil
	case 2:
		return "", errors.New("has a host where only a path is allowed: write one slash, or three")
	}
	return "/" + short, nil
}

func parseUnix(protocol, s string) (Address, error) {
	path, query, hasOptions := strings.Cut(s, "?")
	path, err := parsePath(path)
	if err != nil {
		return Address{}, err
	}
	abstract := strings.HasPrefix(path, "@")
	switch {
	case strings.HasSuffix(path, "/"):
		return Address{}, errors.New("ends in a slash, so it names a folder and not a socket")
	case len(path) > maxSocketPath:
		return Address{}, fmt.Errorf("has a path of %d bytes: a unix socket's may have at most %d", len(path), maxSocketPath)
	}
	a := Address{Protocol: protocol, Network: "unix", Path: path}
	allowed := unixOptions
	if abstract {
		allowed = "proxy (an abstract socket has no file, so it has no other options)"
	}
	if hasOptions {
		err = a.setOptions(query, allowed)
	}
	return a, err
}

// The options of an address, as the error for an unknown one lists them.
const (
	unixOptions = "mode, owner, group, takeover or proxy"
	tcpOptions  = "proxy"
)

// setOptions sets the options of an address. allowed is unixOptions, or says that proxy is the only
// one.
func (a *Address) setOptions(query, allowed string) error {
	seen := make(map[string]bool)
	for option := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(option, "=")
		if seen[name] {
			return fmt.Errorf("has the option %q twice", name)
		}
		seen[name] = true
		if name != "proxy" && allowed != unixOptions {
			return fmt.Errorf("has the option %q, which is unknown here: write %s", name, allowed)
		}
		if err := a.setOption(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (a *Address) setOption(name, value string) error {
	switch name {
	case "mode":
		bits, err := strconv.ParseUint(value, 8, 32)
		if err != nil || bits == 0 || bits > 0o777 {
			return fmt.Errorf("has the mode %q: write it in octal, as 0660", value)
		}
		a.Mode = fs.FileMode(bits)
		return nil
	case "owner":
		a.Owner = value
	case "group":
		a.Group = value
	case "takeover", "proxy":
		return a.setSwitch(name, value)
	default:
		return fmt.Errorf("has the unknown option %q: write %s", name, unixOptions)
	}
	if value == "" {
		return fmt.Errorf("has the option %q without a value", name)
	}
	return nil
}

// setSwitch sets an option whose value is 0 or 1.
func (a *Address) setSwitch(name, value string) error {
	if value != "0" && value != "1" {
		return fmt.Errorf("has the option %s=%q: write 0 or 1", name, value)
	}
	if name == "proxy" {
		a.Proxy = value == "1"
	} else {
		a.Takeover = value == "1"
	}
	return nil
}

// parseTCP parses HOST:PORT, :PORT or PORT, and options. After a scheme, a slash may follow the
// port, as in a URL. Without a host, it returns the loopback address of
// IPv4, which the configurations of web servers use.
func parseTCP(protocol, s string) (Address, error) {
	s, query, hasOptions := strings.Cut(s, "?")
	if protocol != "" {
		s = strings.TrimSuffix(s, "/")
	}
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return Address{}, fmt.Errorf("has %q after host and port, where only ?proxy=1 is allowed", s[i:])
	}
	host, port, err := splitHostPort(s)
	if err != nil {
		return Address{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Address{}, fmt.Errorf("has the port %q: write a number from 0 to 65535", port)
	}
	a := Address{Protocol: protocol, Network: "tcp", Host: host, Port: uint16(n)}
	if hasOptions {
		err = a.setOptions(query, tcpOptions)
	}
	return a, err
}

func splitHostPort(s string) (host, port string, err error) {
	const loopback = "127.0.0.1"
	if inner, bracket := strings.CutPrefix(s, "["); bracket {
		host, port, found := strings.Cut(inner, "]:")
		if ip, err := netip.ParseAddr(host); !found || err != nil || !ip.Is6() {
			return "", "", errors.New("has no [IPv6]:PORT after the bracket")
		}
		return host, port, nil
	}
	i := strings.LastIndexByte(s, ':')
	switch {
	case i < 0 && isNumeric(s):
		return loopback, s, nil
	case i < 0:
		return "", "", errors.New("has no port: " + hintPort)
	case i == 0:
		return loopback, s[1:], nil
	}
	host, port = s[:i], s[i+1:]
	return host, port, checkHost(host)
}

func checkHost(host string) error {
	switch {
	case host == "*":
		return errors.New(`has the host "*": write 0.0.0.0 for all IPv4 addresses, [::] for all`)
	case strings.Contains(host, ":"):
		return errors.New("has an IPv6 address without brackets: write [ADDRESS]:PORT")
	case isNumeric(strings.ReplaceAll(host, ".", "")):
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is4() {
			return fmt.Errorf("has the host %q, which is not an IPv4 address", host)
		}
		return nil
	}
	for i := range len(host) {
		if c := host[i] | 0x20; (c < 'a' || c > 'z') && !strings.ContainsRune("0123456789.-_", rune(host[i])) {
			return fmt.Errorf("has the host %q, which is not a name or an address: %s", host, hintPort)
		}
	}
	return nil
}

func isNumeric(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
