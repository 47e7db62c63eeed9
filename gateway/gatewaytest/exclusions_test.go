package gatewaytest_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/testdata/conf"
)

// serverExclusions returns the cases that a real web server fails whatever the application does.
// The versions are those of Debian 12. A test fails when one of these cases begins to pass.
func serverExclusions(d deployment, mount string) []gatewaytest.Exclusion {
	var all []gatewaytest.Exclusion
	for _, x := range knownExclusions {
		if x.applies(d, mount) {
			all = append(all, gatewaytest.Exclusion{Case: x.name, Reason: x.reason})
		}
	}
	for _, x := range nethttpExclusions {
		if d.nethttp && x.applies(d, mount) {
			all = append(all, gatewaytest.Exclusion{Case: x.name, Reason: x.reason})
		}
	}
	for _, x := range fatalExclusions {
		if x.applies(d, mount) {
			all = append(all, gatewaytest.Exclusion{Case: x.name, Reason: x.reason, Fatal: true})
		}
	}
	return all
}

type knownExclusion struct {
	name    string // of the case
	applies func(d deployment, mount string) bool
	reason  string // server and version, bytes seen, and the server's rule
}

// behind matches deployments by the beginnings of their templates' names.
func behind(templates ...string) func(d deployment, mount string) bool {
	return func(d deployment, _ string) bool {
		for _, template := range templates {
			if d.template == template || strings.HasPrefix(d.template, template+"-") {
				return true
			}
		}
		return false
	}
}

// stockNginx matches nginx without SCRIPT_NAME and PATH_INFO lines, in front of a server without a
// Mount.
func stockNginx(d deployment, _ string) bool { return d.stock && !d.mount }

const (
	nginxRepeats = "nginx/1.22.1 sends a repeated field as several variables, HTTP_FOO=bar and HTTP_FOO=baz (1.23.0 and later join them): " +
		"All has both. Get returns the last, which is right where a configuration overrides a variable"
	nginxStock = "nginx/1.22.1: the stock fastcgi_params set SCRIPT_NAME to the whole path and no PATH_INFO, the stock scgi_params " +
		"set neither; the server's Mount field corrects both"
	lighttpdSlashes = "lighttpd/1.4.69: PATH_INFO=/foo/bar/baz for //foo///bar/baz: url-normalization merges the slashes first; REQUEST_URI has all of them"
	apacheSlashes   = "Apache/2.4.71: PATH_INFO=/foo/bar/baz for //foo///bar/baz: the search for the program merges slashes, also with MergeSlashes Off; REQUEST_URI has all of them"
	apacheCookies   = "Apache/2.4.71: HTTP_COOKIE=a=1; b=2, c=3: every repeated field is joined with a comma"
	nginxHost       = "nginx/1.22.1: HTTP_HOST=[::1] for Host: [::1]:8080: Debian 12's fastcgi_params and scgi_params set it to $host, which has no port"
	lighttpdAlias   = "lighttpd/1.4.69: HTTP_X_REAL_USER=nobody and HTTP_X_REAL_USER=root for X-Real-User and X_Real_User, two variables of " +
		"one name: every character but letters and digits becomes '_'; the configuration must remove or set a field that the application trusts"
	apacheLength     = "Apache/2.4.71 mod_proxy_scgi: 411 Length Required: SCGI sends the length before the body (SCGI section 4), and the module does not buffer a body"
	apacheHeadLength = "Apache/2.4.71: no Content-Length in the answer to a HEAD whose body the application left out: it is taken for a guess"
	bodyFirst        = "no byte of the response while half of the body is sent, until the client times out: the server buffers the body, or sends all of it before it reads the response"
	silentDeath      = "the App does not notice, and still works 250ms after the client has gone: the server checks the client again only when it has " +
		"something to send: lighttpd/1.4.69 for half-closed connections, Apache/2.4.71 always"
	hiddenBreak = "body \"a\" and then its regular end: however a CGI program ends after its head, the server ends the response regularly: " +
		"Apache/2.4.71 mod_cgi and mod_cgid send the last chunk, and so does lighttpd/1.4.69 mod_cgi without a Content-Length"
	apacheShortBody = "Apache/2.4.71 mod_cgi and mod_cgid: body \"01234\" and then its regular end where Content-Length: 10 was declared: " +
		"Apache removes the length, and sends the last chunk when the program ends"
)

const haproxyRepeats = "HAProxy/2.6.12 sends a repeated field as several variables, HTTP_FOO=bar and HTTP_FOO=baz: All has both, Get returns the last"

var knownExclusions = []knownExclusion{
	{"repeated-fields", behind("nginx"), nginxRepeats},
	{"cookies", behind("nginx"), nginxRepeats},
	{"mount", stockNginx, nginxStock},
	{"path-encoded", stockNginx, nginxStock},
	{"path-encoded-twice", stockNginx, nginxStock},
	{"path-bytes", stockNginx, nginxStock},
	{"repeated-slashes", stockNginx, nginxStock},

	{"ipv6-host", behind("nginx"), nginxHost},
	{"full-duplex", behind("nginx-scgi"), "nginx/1.22.1: " + bodyFirst + " (scgi_request_buffering, which bodies of unknown length need)"},

	{"aliased-field", behind("lighttpd-fastcgi", "lighttpd-scgi"), lighttpdAlias},
	{"full-duplex", behind("lighttpd"), "lighttpd/1.4.69: " + bodyFirst + " (server.stream-request-body)"},
	{"gone-while-silent", behind("lighttpd"), silentDeath},
	{"extension-method", behind("lighttpd"), "lighttpd/1.4.69: 501 Not Implemented for PURGE: it knows a fixed list of methods"},
	{"repeated-slashes", behind("lighttpd"), lighttpdSlashes},
	{"panic-after-the-first-byte", behind("lighttpd-cgi"), hiddenBreak},
	{"error-after-the-first-byte", behind("lighttpd-cgi"), hiddenBreak},

	{"repeated-slashes", behind("apache2-cgi", "apache2-cgid", "apache2-scgi"), apacheSlashes},
	{"repeated-slashes", func(d deployment, mount string) bool { return d.template == "apache2-fastcgi" && mount == "" },
		"Apache/2.4.71 mod_proxy_fcgi: PATH_INFO=/foo///bar/baz for //foo///bar/baz at the root: the leading slashes merge with the mount's"},
	{"cookies", behind("apache2"), apacheCookies},
	{"head-length", behind("apache2"), apacheHeadLength},
	{"full-duplex", behind("apache2"), "Apache/2.4.71: " + bodyFirst},
	{"gone-while-silent", behind("apache2"), silentDeath},
	{"panic-after-the-first-byte", behind("apache2-cgi", "apache2-cgid"), hiddenBreak},
	{"error-after-the-first-byte", behind("apache2-cgi", "apache2-cgid"), hiddenBreak},
	{"short-body", behind("apache2-cgi", "apache2-cgid"), apacheShortBody},
	{"field-of-20-kilobytes", behind("apache2-fastcgi"),
		"Apache/2.4.71 mod_proxy_fcgi: AH02536: couldn't encode envvar 'HTTP_X_LONG' in 16384 bytes: it leaves out a variable over 16 KiB"},
	{"head-before-body", behind("apache2-fastcgi"),
		"Apache/2.4.71 mod_proxy_fcgi: no byte while the application waits after its head: it sends the head with the first bytes of the body, also with flushpackets"},
	{"unknown-length", behind("apache2-scgi"), apacheLength},
	{"unknown-length-empty", behind("apache2-scgi"), apacheLength},

	{"query-is-always-set", behind("haproxy"), "HAProxy/2.6.12: no QUERY_STRING without a query: it sends no empty variable, also with set-param"},
	{"mount", func(d deployment, mount string) bool {
		return conf.Server(d.template) == "haproxy" && mount == "" && !d.mount
	},
		"HAProxy/2.6.12: no SCRIPT_NAME at the root: it sends no empty variable; the server's Mount field corrects it"},
	{"repeated-fields", behind("haproxy"), haproxyRepeats},
	{"cookies", behind("haproxy"), haproxyRepeats},
	{"unknown-length", behind("haproxy"), "HAProxy/2.6.12: 400 Bad request for a chunked body of 300,000 bytes: it sends CONTENT_LENGTH to FastCGI applications, " +
		"and knows the length of a chunked body only if that fits tune.bufsize"},
	{"full-duplex", behind("haproxy"), "HAProxy/2.6.12: " + bodyFirst + " (it waits for the body until tune.bufsize is full)"},
	{"304", behind("haproxy"), "HAProxy/2.6.12: Content-Length: 0 in a 304: it adds the length of the body that it has read"},
	{"redirect-to-a-path", behind("haproxy"), "HAProxy/2.6.12: 302 Moved Temporarily for Status: 303 See Other: a Location after the Status overrides it"},
}

// nethttpExclusions are the cases that net/http/fcgi fails behind a real web server.
var nethttpExclusions = []knownExclusion{
	{"head-before-body", behind("nginx"), "nginx/1.22.1: no byte while the application waits after its head: it treats padding after a head as the beginning " +
		"of the body, and holds both until more arrives; net/http/fcgi pads every record"},
	{"unknown-length-empty", behind("haproxy"), "HAProxy/2.6.12: no answer to a chunked body of no bytes: for CONTENT_LENGTH=0 it sends no record of STDIN, " +
		"and net/http/fcgi calls its handler with the first one"},
}

// fatalExclusions are the cases that crash the server.
var fatalExclusions = []knownExclusion{
	{"head-of-60-kilobytes", behind("haproxy"), "HAProxy/2.6.12: its worker crashes with SIGSEGV when a head arrives in several reads: an assertion " +
		"fails (c_empty in sc_conn_recv); its commit efebff3 of 2023 corrects it"},
}

func TestEveryExclusionNamesItsServer(t *testing.T) {
	version := regexp.MustCompile(`[A-Za-z]+/\d+\.\d+\.\d+`)
	for _, x := range slices.Concat(knownExclusions, nethttpExclusions, fatalExclusions) {
		if !version.MatchString(x.reason) {
			t.Errorf("%s: got %q; want a server and its whole version in it", x.name, x.reason)
		}
	}
}
