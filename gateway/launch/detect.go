package launch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/util"
)

// ListenVariable is the environment variable that names addresses to listen on, separated by
// spaces.
const ListenVariable = "CGIKIT_LISTEN"

// fallbackAddress serves HTTP to a developer at a terminal. Other machines cannot connect to it.
const fallbackAddress = "http://127.0.0.1:8080"

// Evidence has the facts that show how a process was started. [Look] gathers it.
type Evidence struct {
	Environ []string // "NAME=value", as os.Environ returns it
	PID     int      // id of this process, to compare with LISTEN_PID
	Stdin   Stdin    // kind of descriptor 0
	// addresses given to the program, by a flag for example; empty strings are ignored
	Listen []string
}

// Mode is a way to serve.
type Mode string

// The modes.
const (
	CGI       Mode = "cgi"       // answer one request on the standard streams
	Inherited Mode = "inherited" // serve on sockets that the parent process opened
	Address   Mode = "address"   // serve on the given addresses
	Fallback  Mode = "fallback"  // serve HTTP on loopback, on a free port if the usual one is in use
	Unusable  Mode = "unusable"  // the process cannot serve
)

// Choice is the result of Detect.
type Choice struct {
	Mode Mode
	// addresses to listen on, in the grammar of package listen; none for CGI and Unusable
	Listen []string
	Why    string // the reason, as text for people, without a full stop
}

// Rule is a row of Detect's table.
type Rule struct {
	If   string // the evidence, in words
	Then Mode
	Why  string

	holds  func(*facts) bool
	listen func(*facts) []string
}

// Detect decides how a process with the evidence e serves, by the first row of [Rules] that holds.
// It is a pure function.
//
// A program can call it before [Config.Run]. In a CGI process the arguments may be the client's
// query (RFC 3875 section 4.4), so a program must not parse flags there. This package parses none.
//
//	listen := flag.String("listen", "", "`address` to listen on, such as fastcgi://127.0.0.1:9000")
//	if launch.Detect(launch.Look()).Mode != launch.CGI {
//		flag.Parse()
//	}
//	err := launch.Config{App: app, Listen: []string{*listen}}.Run(ctx)
func Detect(e Evidence) Choice {
	f := newFacts(e)
	rules := Rules()
	// the last rule always holds
	r := rules[slices.IndexFunc(rules, func(r Rule) bool { return r.holds(f) })]
	c := Choice{Mode: r.Then, Why: r.Why}
	if r.listen != nil {
		c.Listen = r.listen(f)
	}
	return c
}

// Rules returns the table of [Detect], in order:
//
//   - CGI: REQUEST_METHOD is set, and descriptor 0 is not a listening socket.
//   - A given address (of Config.Listen or CGIKIT_LISTEN) names an inherited socket, such as
//     fastcgi+fd:0 or http+systemd:web: the process serves all given addresses.
//   - Descriptor 0 is a listening socket: spawn-fcgi, lighttpd's bin-path and Apache's mod_fcgid
//     start programs in this way (FastCGI section 2.2).
//   - systemd has passed sockets, by LISTEN_FDS.
//   - Config.Listen has addresses, or, if it is empty, the environment variable CGIKIT_LISTEN has
//     addresses, separated by spaces.
//   - Descriptor 0 is a network connection, as inetd starts a program: the process cannot serve.
//   - Otherwise HTTP on 127.0.0.1:8080, or on a free port if that one is in use.
//
// CGI comes before given addresses, because the arguments of a CGI process may come from the
// client. SERVER_SOFTWARE and GATEWAY_INTERFACE prove nothing, since web servers set them for every
// program that they start. They set REQUEST_METHOD for one request only. A CGI script that starts a
// server must start it without REQUEST_METHOD.
//
// An inherited socket comes before addresses that do not name it, because a program may have a
// default address, and the web server that started it connects to the socket only.
//
// FastCGI, SCGI and HTTP are served on an inherited socket, and the first byte of a connection
// decides its protocol. A peer that can connect to such a socket can speak FastCGI, and so claim
// any identity in REMOTE_USER and REMOTE_ADDR. If untrusted peers can connect, give the socket's
// address with one protocol, such as CGIKIT_LISTEN=http+systemd:0. For the same reason an address
// must name its protocol; auto: means all three. If FCGI_WEB_SERVER_ADDRS is set (FastCGI section
// 3.2), inherited sockets serve FastCGI only, and FastCGI and SCGI connections from peers that are
// not in it are closed.
func Rules() []Rule {
	return []Rule{
		{
			"REQUEST_METHOD is set, and descriptor 0 is not a listening socket",
			CGI, "a web server started this process to answer one request",
			func(f *facts) bool { return f.environ.Get("REQUEST_METHOD") != "" && f.stdin != StdinListening },
			nil,
		},
		{
			"a given address names an inherited socket",
			Address, "a given address names an inherited socket",
			func(f *facts) bool { return slices.ContainsFunc(f.addresses(), namesInherited) },
			(*facts).addresses,
		},
		{
			"descriptor 0 is a listening socket",
			Inherited, "descriptor 0 is a listening socket, as web servers start FastCGI and SCGI programs",
			func(f *facts) bool { return f.stdin == StdinListening },
			func(f *facts) []string { return []string{f.inheritedProtocol() + "+fd:0"} },
		},
		{
			"LISTEN_PID is this process, and LISTEN_FDS is not 0",
			Inherited, "systemd passed sockets by LISTEN_FDS",
			func(f *facts) bool { return f.systemdSockets() > 0 },
			(*facts).systemd,
		},
		{
			"Config.Listen has an address",
			Address, "Config.Listen says where to listen",
			func(f *facts) bool { return len(f.config) > 0 },
			(*facts).addresses,
		},
		{
			ListenVariable + " has an address",
			Address, ListenVariable + " says where to listen",
			func(f *facts) bool { return len(f.variable) > 0 },
			(*facts).addresses,
		},
		{
			"descriptor 0 is a network connection",
			Unusable, "descriptor 0 is a network connection, as inetd starts programs, which cannot be served",
			func(f *facts) bool { return f.stdin == StdinConnection },
			nil,
		},
		{
			"none of these",
			Fallback, "no web server started this process, and no address was given",
			func(*facts) bool { return true },
			func(*facts) []string { return []string{fallbackAddress} },
		},
	}
}

// facts is the evidence in the form that the rules need.
type facts struct {
	environ  *util.Environ
	pid      int
	stdin    Stdin
	config   []string // addresses of Config.Listen
	variable []string // addresses of CGIKIT_LISTEN
}

func newFacts(e Evidence) *facts {
	environ := util.EnvironFromList(e.Environ)
	return &facts{
		environ:  environ,
		pid:      e.PID,
		stdin:    e.Stdin,
		config:   slices.DeleteFunc(slices.Clone(e.Listen), func(s string) bool { return s == "" }),
		variable: strings.Fields(environ.Get(ListenVariable)),
	}
}

func (f *facts) addresses() []string {
	if len(f.config) > 0 {
		return f.config
	}
	return f.variable
}

// namesInherited reports whether address names an inherited socket. A mistake in the address is
// reported when the process listens on it.
func namesInherited(address string) bool {
	a, err := listen.Parse(address)
	return err == nil && (a.Network == "fd" || a.Network == "systemd")
}

// inheritedProtocol returns the protocol of inherited sockets: FastCGI alone if
// FCGI_WEB_SERVER_ADDRS limits its peers, since HTTP would let every peer in.
func (f *facts) inheritedProtocol() string {
	if _, set := f.environ.Lookup("FCGI_WEB_SERVER_ADDRS"); set { // FastCGI section 3.2
		return "fastcgi"
	}
	return "auto"
}

// systemdSockets returns how many sockets systemd passed to this process. Child processes inherit
// the variables but not the sockets, so LISTEN_PID must match. A LISTEN_FDS that is not a number
// counts as 0, as in sd_listen_fds(3).
func (f *facts) systemdSockets() int {
	const most = 1024 // the limit of package listen
	n, err := strconv.ParseUint(f.environ.Get("LISTEN_FDS"), 10, 31)
	if err != nil || n > most || f.environ.Get("LISTEN_PID") != strconv.Itoa(f.pid) {
		return 0
	}
	return int(n)
}

func (f *facts) systemd() []string {
	var list []string
	for i := range f.systemdSockets() {
		list = append(list, f.inheritedProtocol()+"+systemd:"+strconv.Itoa(i))
	}
	return list
}
