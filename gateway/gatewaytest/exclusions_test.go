package gatewaytest_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/testdata/conf"
)

// serverExclusions is the one list of what real web servers do otherwise, whatever an application
// does. Versions are those of Debian 12; a test fails when one of these begins to pass.
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

// stockNginx: no SCRIPT_NAME and PATH_INFO lines, and nobody else says where the App is mounted.
func stockNginx(d deployment, _ string) bool { return d.stock && !d.mount }

const (
	nginxRepeats = "nginx/1.22.1 sends a field that a client repeats as so many variables, HTTP_FOO=bar and HTTP_FOO=baz (joined since 1.23.0): " +
		"All has both, Get the last, which counts where a configuration overrides a variable"
	nginxStock = "nginx/1.22.1: the stock fastcgi_params give the whole path as SCRIPT_NAME and no PATH_INFO, the stock scgi_params " +
		"neither; the server's Mount field makes up for it"
	lighttpdSlashes = "lighttpd/1.4.69: PATH_INFO=/foo/bar/baz for //foo///bar/baz: the path is taken after url-normalization, which merges slashes; REQUEST_URI has them"
	apacheSlashes   = "Apache/2.4.71: PATH_INFO=/foo/bar/baz for //foo///bar/baz: the walk that finds the program merges slashes, MergeSlashes Off or not; REQUEST_URI has them"
	apacheCookies   = "Apache/2.4.71: HTTP_COOKIE=a=1; b=2, c=3: every repeated field is joined with a comma"
	nginxHost       = "nginx/1.22.1: HTTP_HOST=[::1] for Host: [::1]:8080: Debian 12's fastcgi_params and scgi_params set it to $host, which has no port"
	lighttpdAlias   = "lighttpd/1.4.69: HTTP_X_REAL_USER=nobody and HTTP_X_REAL_USER=root for X-Real-User and X_Real_User, so many variables of " +
		"one name: every character but letters and digits becomes '_'; a field that means something has to be taken out or set by the configuration"
	apacheLength     = "Apache/2.4.71 mod_proxy_scgi: 411 Length Required: SCGI says the length first (SCGI section 4), and the module does not collect a body"
	apacheHeadLength = "Apache/2.4.71: no Content-Length in the answer to a HEAD whose body the application left out: it is taken for a guess"
	bodyFirst        = "no byte of the response while the body is half sent, until the client gives up: the server collects the body, or hands all of it over before it reads an answer"
	silentDeath      = "the App is not told, and still at work 250ms after the client has gone: the server looks at the client again when it has " +
		"something to send: lighttpd/1.4.69 for half-closed connections, Apache/2.4.71 always"
	hiddenBreak = "body \"a\" and then its regular end: whatever a CGI program does after its head, its end is the end of the response: " +
		"Apache/2.4.71 mod_cgi and mod_cgid answer chunked and end the chunks, lighttpd/1.4.69 mod_cgi without a Content-Length does too"
	apacheShortBody = "Apache/2.4.71 mod_cgi and mod_cgid: body \"01234\" and then its regular end where Content-Length: 10 was declared: " +
		"the length is dropped, and the program's end is the end of the chunks"
)

const haproxyRepeats = "HAProxy/2.6.12 sends a field that a client repeats as so many variables, HTTP_FOO=bar and HTTP_FOO=baz: All has both, Get the last"

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
	{"extension-method", behind("lighttpd"), "lighttpd/1.4.69: 501 Not Implemented for PURGE: it knows its methods by a list"},
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
		"Apache/2.4.71 mod_proxy_fcgi: AH02536: couldn't encode envvar 'HTTP_X_LONG' in 16384 bytes: a variable over 16 KiB is left out"},
	{"head-before-body", behind("apache2-fastcgi"),
		"Apache/2.4.71 mod_proxy_fcgi: no byte while the application waits behind its head: the head is passed on with the first bytes of the body, flushpackets or not"},
	{"unknown-length", behind("apache2-scgi"), apacheLength},
	{"unknown-length-empty", behind("apache2-scgi"), apacheLength},

	{"query-is-always-set", behind("haproxy"), "HAProxy/2.6.12: no QUERY_STRING where there is no query: it sends no variable that is empty, set-param or not"},
	{"mount", func(d deployment, mount string) bool {
		return conf.Server(d.template) == "haproxy" && mount == "" && !d.mount
	},
		"HAProxy/2.6.12: no SCRIPT_NAME at the root: it sends no variable that is empty; the server's Mount field makes up for it"},
	{"repeated-fields", behind("haproxy"), haproxyRepeats},
	{"cookies", behind("haproxy"), haproxyRepeats},
	{"unknown-length", behind("haproxy"), "HAProxy/2.6.12: 400 Bad request for a chunked body of 300,000 bytes: FastCGI applications get CONTENT_LENGTH, " +
		"and it is found out only for what fits tune.bufsize"},
	{"full-duplex", behind("haproxy"), "HAProxy/2.6.12: " + bodyFirst + " (it waits for the body until tune.bufsize is full)"},
	{"304", behind("haproxy"), "HAProxy/2.6.12: Content-Length: 0 in a 304: it adds the length of the body that it has read"},
	{"redirect-to-a-path", behind("haproxy"), "HAProxy/2.6.12: 302 Moved Temporarily for Status: 303 See Other: a Location that comes behind overrides the status"},
}

// nethttpExclusions is what comes of net/http/fcgi behind a real web server.
var nethttpExclusions = []knownExclusion{
	{"head-before-body", behind("nginx"), "nginx/1.22.1: no byte while the application waits after its head: it takes padding after a head for the beginning " +
		"of the body, and keeps both until more comes; net/http/fcgi pads every record"},
	{"unknown-length-empty", behind("haproxy"), "HAProxy/2.6.12: no answer to a chunked body of no bytes: for CONTENT_LENGTH=0 it sends no record of STDIN, " +
		"and net/http/fcgi calls its handler with the first one"},
}

// fatalExclusions are what the server does not survive.
var fatalExclusions = []knownExclusion{
	{"head-of-60-kilobytes", behind("haproxy"), "HAProxy/2.6.12: its worker ends with SIGSEGV when a head comes in several reads: a check of its own " +
		"fails (c_empty in sc_conn_recv), which its commit efebff3 of 2023 makes true"},
}

func TestEveryExclusionNamesItsServer(t *testing.T) {
	version := regexp.MustCompile(`[A-Za-z]+/\d+\.\d+\.\d+`)
	for _, x := range slices.Concat(knownExclusions, nethttpExclusions, fatalExclusions) {
		if !version.MatchString(x.reason) {
			t.Errorf("%s: got %q; want a server and its whole version in it", x.name, x.reason)
		}
	}
}
