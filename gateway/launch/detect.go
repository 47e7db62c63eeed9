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

// fallbackAddress is for a developer at a terminal: HTTP, and nobody else can connect.
const fallbackAddress = "http://127.0.0.1:8080"

// Evidence is what a process can know about how it was started. [Look] gathers it.
type Evidence struct {
	Environ []string // "NAME=value", as os.Environ has it
	PID     int      // of this process, for LISTEN_PID
	Stdin   Stdin    // what descriptor 0 is
	// addresses that the program was given, by a flag for example; empty ones do not count
	Listen []string
}

// Mode is what a process is to do.
type Mode string

// The modes.
const (
	CGI       Mode = "cgi"       // answer one request on the standard streams
	Inherited Mode = "inherited" // serve on sockets that the parent process opened
	Address   Mode = "address"   // serve on addresses that were given
	Fallback  Mode = "fallback"  // serve HTTP on loopback, on any port if need be
	Unusable  Mode = "unusable"  // give up
)

// Choice is what Detect made of the evidence.
type Choice struct {
	Mode Mode
	// addresses to listen on, in the grammar of package listen; none for CGI and Unusable
	Listen []string
	Why    string // for people: the reason, without a full stop
}

// Rule is a row of the table by which Detect decides.
type Rule struct {
	If   string // the evidence, in words
	Then Mode
	Why  string

	holds  func(*facts) bool
	listen func(*facts) []string
}

// Detect decides what a process started under the given evidence is to do, by the first row of
// [Rules] that holds. It is a pure function.
//
// A program can ask it before [Config.Run] does. In a CGI process the arguments may be the client's
// query (RFC 3875 section 4.4), so a program must not parse flags there; this package reads none:
//
//	listen := flag.String("listen", "", "`address` to listen on, such as fastcgi://127.0.0.1:9000")
//	if launch.Detect(launch.Look()).Mode != launch.CGI {
//		flag.Parse()
//	}
//	err := launch.Config{App: app, Listen: []string{*listen}}.Run(ctx)
func Detect(e Evidence) Choice {
	f := newFacts(e)
	rules := Rules()
	// the last always holds
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
//   - An address that was given names an inherited socket, as fastcgi+fd:0 and http+systemd:web do:
//     it is listened on as the address says.
//   - Descriptor 0 is a listening socket: spawn-fcgi, lighttpd's bin-path and Apache's mod_fcgid
//     start a program so (FastCGI section 2.2).
//   - systemd has passed sockets, by LISTEN_FDS.
//   - Config.Listen names addresses, and else the environment variable CGIKIT_LISTEN, separated by
//     spaces.
//   - Descriptor 0 is a network connection, as inetd starts a program: this is refused.
//   - Otherwise HTTP on 127.0.0.1:8080, or on a free port when that one is taken.
//
// CGI is first although an address may have been given, because its arguments may be the client's
// words. SERVER_SOFTWARE and GATEWAY_INTERFACE prove nothing: web servers set them for all that
// they start, and REQUEST_METHOD for one request only. A server that a CGI script starts must be
// started without it.
//
// An inherited socket is before addresses that do not name it, because a program may have a default
// address, and the web server that started it connects to the socket only.
//
// FastCGI, SCGI and HTTP are served on an inherited socket; the first byte of each connection
// tells its protocol. A peer that can connect to such a socket can also speak FastCGI, and so
// claim to be anybody. Where strangers can connect, give the socket's address with the one
// protocol that is meant, such as CGIKIT_LISTEN=http+systemd:0. For the same reason an address
// must name its protocol; auto: is all three. Where FCGI_WEB_SERVER_ADDRS is set (FastCGI section
// 3.2), inherited sockets speak FastCGI only; FastCGI and SCGI connections from peers that are not
// in it are closed.
func Rules() []Rule {
	return []Rule{
		{
			"REQUEST_METHOD is set, and descriptor 0 is no listening socket",
			CGI, "a web server started this process to answer one request",
			func(f *facts) bool { return f.environ.Get("REQUEST_METHOD") != "" && f.stdin != StdinListening },
			nil,
		},
		{
			"an address given is that of an inherited socket",
			Address, "the address says which inherited socket to serve, and how",
			func(f *facts) bool { return slices.ContainsFunc(f.given(), namesInherited) },
			(*facts).given,
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
			(*facts).given,
		},
		{
			ListenVariable + " has an address",
			Address, ListenVariable + " says where to listen",
			func(f *facts) bool { return len(f.variable) > 0 },
			(*facts).given,
		},
		{
			"descriptor 0 is a network connection",
			Unusable, "descriptor 0 is a network connection, as inetd starts programs, and one connection is not what is served here",
			func(f *facts) bool { return f.stdin == StdinConnection },
			nil,
		},
		{
			"nothing of these",
			Fallback, "no web server started this process, and no address was given",
			func(*facts) bool { return true },
			func(*facts) []string { return []string{fallbackAddress} },
		},
	}
}

// facts is the evidence in the form in which the rules ask for it.
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

func (f *facts) given() []string {
	if len(f.config) > 0 {
		return f.config
	}
	return f.variable
}

// namesInherited leaves a mistake in the address to those who listen on it.
func namesInherited(address string) bool {
	a, err := listen.Parse(address)
	return err == nil && (a.Network == "fd" || a.Network == "systemd")
}

// inheritedProtocol is FastCGI alone where the web server has said who may speak it: by HTTP,
// everybody could come in.
func (f *facts) inheritedProtocol() string {
	if _, set := f.environ.Lookup("FCGI_WEB_SERVER_ADDRS"); set { // FastCGI section 3.2
		return "fastcgi"
	}
	return "auto"
}

// systemdSockets returns how many sockets systemd passed to this very process: children inherit the
// variables, but no sockets. What is no number is nothing, as in sd_listen_fds(3).
func (f *facts) systemdSockets() int {
	const most = 1024 // as package listen
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
