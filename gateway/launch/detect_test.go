package launch

import (
	"slices"
	"testing"
)

// Evidence that people and programs other than web servers produce. The environments of real
// servers are in testdata.
var evidence = []struct {
	name string
	e    Evidence
	mode Mode
	want []string
}{
	{"nothing at all", Evidence{}, Fallback, []string{"http://127.0.0.1:8080"}},
	{"a CGI request", Evidence{Environ: []string{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET"}, Stdin: StdinPipe}, CGI, nil},
	{"a CGI request tried by hand", Evidence{Environ: []string{"REQUEST_METHOD=GET"}, Stdin: StdinDevice}, CGI, nil},
	{"a CGI script whose stdin is a connection", Evidence{Environ: []string{"REQUEST_METHOD=GET"}, Stdin: StdinConnection}, CGI, nil},
	// CVE-2012-1823: "GET /script?-listen+0.0.0.0:80".
	{
		"the client's query must not be an address",
		Evidence{Environ: []string{"REQUEST_METHOD=GET"}, Stdin: StdinPipe, Listen: []string{"fastcgi+fd:0"}}, CGI, nil,
	},
	{"CGI in an environment with addresses", Evidence{Environ: []string{"REQUEST_METHOD=GET", "CGIKIT_LISTEN=http://:1"}}, CGI, nil},
	{"REQUEST_METHOD empty", Evidence{Environ: []string{"REQUEST_METHOD="}, Stdin: StdinPipe}, Fallback, []string{fallbackAddress}},
	// INGInious issue 317: gunicorn sets it for what it starts.
	{
		"started by a web server, but not for a request",
		Evidence{Environ: []string{"SERVER_SOFTWARE=gunicorn/20.0", "GATEWAY_INTERFACE=CGI/1.1"}, Stdin: StdinPipe}, Fallback,
		[]string{fallbackAddress},
	},
	{"a listening socket", Evidence{Stdin: StdinListening}, Inherited, []string{"auto+fd:0"}},
	{
		"a listening socket, started by a CGI script",
		Evidence{Environ: []string{"REQUEST_METHOD=GET"}, Stdin: StdinListening}, Inherited, []string{"auto+fd:0"},
	},
	{
		"a listening socket outranks an address that is not its own",
		Evidence{Stdin: StdinListening, Listen: []string{"http://127.0.0.1:1"}, Environ: []string{"CGIKIT_LISTEN=http://:2"}},
		Inherited, []string{"auto+fd:0"},
	},
	{
		"FastCGI section 3.2",
		Evidence{Stdin: StdinListening, Environ: []string{"FCGI_WEB_SERVER_ADDRS="}}, Inherited, []string{"fastcgi+fd:0"},
	},
	{
		"an address says what the listening socket speaks",
		Evidence{Stdin: StdinListening, Environ: []string{"CGIKIT_LISTEN=scgi+fd:0 http://:1"}}, Address, []string{"scgi+fd:0", "http://:1"},
	},
	{
		"Config.Listen alone says it",
		Evidence{Stdin: StdinListening, Listen: []string{"http://:2"}, Environ: []string{"CGIKIT_LISTEN=scgi+fd:0"}}, Inherited,
		[]string{"auto+fd:0"},
	},
	{"systemd, one socket", systemd("LISTEN_FDS=1", "LISTEN_PID=7"), Inherited, []string{"auto+systemd:0"}},
	{"systemd, two", systemd("LISTEN_FDS=2", "LISTEN_PID=7"), Inherited, []string{"auto+systemd:0", "auto+systemd:1"}},
	{
		"systemd and FastCGI section 3.2",
		systemd("LISTEN_FDS=1", "LISTEN_PID=7", "FCGI_WEB_SERVER_ADDRS=1.2.3.4"), Inherited, []string{"fastcgi+systemd:0"},
	},
	{
		"systemd, and which protocol",
		systemd("LISTEN_FDS=1", "LISTEN_PID=7", "CGIKIT_LISTEN=http+systemd:web"), Address, []string{"http+systemd:web"},
	},
	{"systemd passed sockets to the parent", systemd("LISTEN_FDS=1", "LISTEN_PID=6"), Fallback, []string{fallbackAddress}},
	{"systemd, no sockets", systemd("LISTEN_FDS=0", "LISTEN_PID=7"), Fallback, []string{fallbackAddress}},
	{"systemd, no number", systemd("LISTEN_FDS=x", "LISTEN_PID=7"), Fallback, []string{fallbackAddress}},
	{"systemd, too large a number", systemd("LISTEN_FDS=2147483647", "LISTEN_PID=7"), Fallback, []string{fallbackAddress}},
	{"systemd, CGI", systemd("LISTEN_FDS=1", "LISTEN_PID=7", "REQUEST_METHOD=GET"), CGI, nil},
	{"an address", Evidence{Listen: []string{"scgi://:1"}}, Address, []string{"scgi://:1"}},
	{"a mistake is for those who listen", Evidence{Listen: []string{"fd:x"}}, Address, []string{"fd:x"}},
	{"a flag that was not given", Evidence{Listen: []string{""}}, Fallback, []string{fallbackAddress}},
	{"the variable", Evidence{Environ: []string{"CGIKIT_LISTEN= http://:1  scgi+unix:/a "}}, Address, []string{"http://:1", "scgi+unix:/a"}},
	{"the variable, empty", Evidence{Environ: []string{"CGIKIT_LISTEN= "}}, Fallback, []string{fallbackAddress}},
	{
		"a flag outranks the variable",
		Evidence{Listen: []string{"", "scgi://:1"}, Environ: []string{"CGIKIT_LISTEN=http://:1"}}, Address, []string{"scgi://:1"},
	},
	{"inetd", Evidence{Stdin: StdinConnection}, Unusable, nil},
	{"inetd, with an address", Evidence{Stdin: StdinConnection, Listen: []string{"scgi://:1"}}, Address, []string{"scgi://:1"}},
	{"one of a pair of sockets, as sshd may start it", Evidence{Stdin: StdinSocket}, Fallback, []string{fallbackAddress}},
	{"a pipe, as in CI", Evidence{Stdin: StdinPipe}, Fallback, []string{fallbackAddress}},
	{"a file", Evidence{Stdin: StdinFile}, Fallback, []string{fallbackAddress}},
	{"/dev/null, as in a container", Evidence{Stdin: StdinDevice}, Fallback, []string{fallbackAddress}},
	{"closed", Evidence{Stdin: StdinClosed}, Fallback, []string{fallbackAddress}},
	{"Windows", Evidence{Stdin: StdinUnknown}, Fallback, []string{fallbackAddress}},
}

func systemd(environ ...string) Evidence {
	return Evidence{Environ: environ, PID: 7, Stdin: StdinDevice}
}

func TestDetect(t *testing.T) { // F33
	for _, tt := range evidence {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.e.Listen)
			got := Detect(tt.e)
			if got.Mode != tt.mode || !slices.Equal(got.Listen, tt.want) || got.Why == "" {
				t.Errorf("got %+v; want %s on %q", got, tt.mode, tt.want)
			}
			if !slices.Equal(before, tt.e.Listen) {
				t.Errorf("the evidence was changed to %q", tt.e.Listen)
			}
		})
	}
}

// Each rule decides at least one of the tests, and has its texts.
func TestRules(t *testing.T) {
	for _, r := range Rules() {
		decides := slices.ContainsFunc(evidence, func(tt struct {
			name string
			e    Evidence
			mode Mode
			want []string
		}) bool {
			return Detect(tt.e).Why == r.Why
		})
		if !decides || r.If == "" {
			t.Errorf("rule %q is never the one that decides", r.If)
		}
	}
}
