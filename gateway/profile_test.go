package gateway

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/captures"
	"github.com/cgikit/cgikit/util"
)

const (
	environs = "../testdata/environ"
	target   = "/app/a%2cb//c?x=1%20y" // of every capture
	basic    = "Basic YWRtaW46c2VjcmV0"
)

func profile(t testing.TB, name string) Profile {
	t.Helper()
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no profile %q", name)
	}
	return all[i]
}

// vars is "NAME=value" of each name that e has.
func vars(e *util.Environ, names ...string) string {
	var all []string
	for _, name := range names {
		if value, ok := e.Lookup(name); ok {
			all = append(all, name+"="+value)
		}
	}
	return strings.Join(all, " ")
}

// TestProfilesOnCaptures: the profiles correct the environs that real servers sent, and change no
// other variable.
func TestProfilesOnCaptures(t *testing.T) {
	for _, test := range []struct {
		profile, capture, request string
		want                      string // of SCRIPT_NAME, PATH_INFO and HTTP_AUTHORIZATION
	}{
		{"apache-redirect", "apache2-cgi-redirect", "GET " + target, "SCRIPT_NAME=/index.cgi PATH_INFO=/app/a,b/c HTTP_AUTHORIZATION=" + basic},
		{"apache-redirect", "apache2-cgi-redirect-mounted", "POST " + target, "SCRIPT_NAME=/index.cgi PATH_INFO=/a,b/c HTTP_AUTHORIZATION=" + basic},
		{"apache-redirect", "apache2-cgi-redirect", "POST /action/x?y", "SCRIPT_NAME=/index.cgi PATH_INFO=/action/x"},
		{"apache-redirect", "apache2-cgi-redirect", "GET /private/x?y", "SCRIPT_NAME=/index.cgi PATH_INFO=/401"},

		{"apache-proxy", "apache2-fastcgi-plain", "GET " + target, "SCRIPT_NAME= PATH_INFO=/app/a,b//c"},
		{"apache-proxy", "apache2-fastcgi-plain", "GET /app", "SCRIPT_NAME= PATH_INFO=/app"},
		{"apache-proxy", "apache2-fastcgi-plain", "GET /", "SCRIPT_NAME= PATH_INFO=/"},
		{"apache-proxy", "apache2-fastcgi-plain", "GET /a%20b%252c%E3%81%82;c", "SCRIPT_NAME= PATH_INFO=/a b%2c\u3042;c"},
		{"apache-proxy", "apache2-fastcgi-plain-mounted", "GET /app/a%20b%252c%E3%81%82;c", "SCRIPT_NAME=/app PATH_INFO=/a b%2c\u3042;c"},
		{"apache-proxy", "apache2-fastcgi-plain-mounted", "POST " + target, "SCRIPT_NAME=/app PATH_INFO=/a,b//c"},
		{"apache-proxy", "apache2-fastcgi-plain-mounted", "GET /app", "SCRIPT_NAME=/app"},
		{"apache-proxy", "apache2-fastcgi-plain-mounted", "GET /app/", "SCRIPT_NAME=/app PATH_INFO=/"},
		{"apache-proxy", "apache2-fastcgi-mounted", "GET " + target, "SCRIPT_NAME=/app PATH_INFO=/a,b//c HTTP_AUTHORIZATION=" + basic},
		{"apache-proxy", "apache2-scgi-mounted", "GET " + target, "SCRIPT_NAME=/app PATH_INFO=/a,b/c HTTP_AUTHORIZATION=" + basic},
		{"apache-proxy", "apache2-cgi-mounted", "GET " + target, "SCRIPT_NAME=/app PATH_INFO=/a,b/c HTTP_AUTHORIZATION=" + basic},

		{"lighttpd-root", "lighttpd-fastcgi-plain", "GET " + target, "SCRIPT_NAME= PATH_INFO=/app/a,b/c HTTP_AUTHORIZATION=" + basic},
		{"lighttpd-root", "lighttpd-fastcgi-plain", "GET /app", "SCRIPT_NAME= PATH_INFO=/app HTTP_AUTHORIZATION=" + basic},
		{"lighttpd-root", "lighttpd-fastcgi-plain", "GET /", "SCRIPT_NAME= PATH_INFO=/ HTTP_AUTHORIZATION=" + basic},
		{"lighttpd-root", "lighttpd-scgi-plain", "POST " + target, "SCRIPT_NAME= PATH_INFO=/app/a,b/c HTTP_AUTHORIZATION=" + basic},
		{"lighttpd-root", "lighttpd-scgi", "GET " + target, "SCRIPT_NAME= PATH_INFO=/app/a,b/c HTTP_AUTHORIZATION=" + basic},
	} {
		t.Run(test.profile+" "+test.capture+" "+test.request, func(t *testing.T) {
			e := captures.Environ(t, environs, test.capture, test.request)
			before := e.Map()
			profile(t, test.profile).apply(e)
			if got := vars(e, "SCRIPT_NAME", "PATH_INFO", "HTTP_AUTHORIZATION"); got != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
			if file := e.Get("SCRIPT_FILENAME"); test.profile == "apache-proxy" && !strings.HasPrefix(file, "/") {
				t.Errorf("got SCRIPT_FILENAME %q; want a path", file)
			}
			for _, name := range changedNames(before, e.Map()) {
				if !slices.Contains([]string{"SCRIPT_NAME", "PATH_INFO", "HTTP_AUTHORIZATION", "SCRIPT_FILENAME"}, name) {
					t.Errorf("%s was changed too", name)
				}
			}
		})
	}
}

// TestProfilesKeepToTheirServer: a profile changes only the captures of its server, and the default
// only those with the fault.
func TestProfilesKeepToTheirServer(t *testing.T) {
	faulty := map[string][]string{ // the beginnings of the captures' names
		"apache-redirect": {"apache2-cgi-redirect"},
		// also with SCRIPT_NAME right: SCRIPT_FILENAME is never a path
		"apache-proxy": {"apache2-fastcgi", "apache2-scgi"},
		// an application that is not at the root would be damaged
		"lighttpd-root": {"lighttpd-"},
		"iis":           {"none was captured"},
	}
	touched := map[string]bool{}
	for _, c := range captures.Load(t, environs) {
		for _, r := range c.Requests {
			for _, p := range Profiles() {
				before := strings.Join(r.Environ.List(), "\n")
				e := r.Environ.Clone()
				p.apply(e)
				if strings.Join(e.List(), "\n") == before {
					continue
				}
				touched[p.Name] = true
				if !slices.ContainsFunc(faulty[p.Name], func(begin string) bool { return strings.HasPrefix(c.Name, begin) }) {
					t.Errorf("%s changed %s, %s", p.Name, c.Name, r.Line)
				}
			}
		}
	}
	for _, p := range Profiles() {
		if !touched[p.Name] && p.Name != "iis" {
			t.Errorf("%s changed nothing", p.Name)
		}
	}
}

// TestWhyLighttpdRootIsNoDefault: lighttpd sends the same for an application at the root without
// fix-root-scriptname as for one at /app.
func TestWhyLighttpdRootIsNoDefault(t *testing.T) {
	for _, protocol := range []string{"fastcgi", "scgi"} {
		root := captures.Environ(t, environs, "lighttpd-"+protocol+"-plain", "GET "+target)
		mounted := captures.Environ(t, environs, "lighttpd-"+protocol+"-mounted", "GET "+target)
		names := changedNames(root.Map(), mounted.Map())
		for _, name := range names {
			if !slices.Contains([]string{"SERVER_PORT", "REMOTE_PORT", "HTTP_HOST", "DOCUMENT_ROOT", "SCRIPT_FILENAME", "PATH_TRANSLATED"}, name) {
				t.Errorf("%s: %s differs: the profile could tell the two by it", protocol, name)
			}
		}
	}
}

// TestRefusedUserStaysRefused: Apache names in REDIRECT_REMOTE_USER the user whose password was
// wrong.
func TestRefusedUserStaysRefused(t *testing.T) {
	for _, capture := range []string{"apache2-cgi-redirect", "apache2-cgi-redirect-mounted"} {
		line := "GET /private/x?y"
		if strings.HasSuffix(capture, "mounted") {
			line = "GET /app/private/x?y"
		}
		e := captures.Environ(t, environs, capture, line)
		if got := vars(e, "REDIRECT_STATUS", "REDIRECT_REMOTE_USER"); got != "REDIRECT_STATUS=401 REDIRECT_REMOTE_USER=admin" {
			t.Fatalf("the capture has %s, and so tests nothing", got)
		}
		for _, p := range Profiles() {
			p.apply(e)
		}
		if user, ok := e.Lookup("REMOTE_USER"); ok {
			t.Errorf("%s: REMOTE_USER became %q", capture, user)
		}
	}
}

// TestProfilesEdges: environs that no server of ours sends. IIS's are made after wsgiref's
// IISCGIHandler and its documentation: no IIS was at hand to be captured.
func TestProfilesEdges(t *testing.T) {
	for _, test := range []struct{ profile, name, in, want string }{
		{"iis", "repeated", "SCRIPT_NAME=/app.py PATH_INFO=/app.py/x", "SCRIPT_NAME=/app.py PATH_INFO=/x"},
		{"iis", "nothing behind it", "SCRIPT_NAME=/app.py PATH_INFO=/app.py", "SCRIPT_NAME=/app.py PATH_INFO="},
		{"iis", "not repeated", "SCRIPT_NAME=/app.py PATH_INFO=/x", "SCRIPT_NAME=/app.py PATH_INFO=/x"},
		{"iis", "a longer segment", "SCRIPT_NAME=/app PATH_INFO=/apple", "SCRIPT_NAME=/app PATH_INFO=/apple"},
		{"iis", "at the root", "SCRIPT_NAME= PATH_INFO=/x", "SCRIPT_NAME= PATH_INFO=/x"},
		{"iis", "no PATH_INFO", "SCRIPT_NAME=/app.py", "SCRIPT_NAME=/app.py"},
		{"iis", "dropped once", "SCRIPT_NAME=/a PATH_INFO=/a/a/x", "SCRIPT_NAME=/a PATH_INFO=/a/x"},

		{"lighttpd-root", "a file of the root", "SCRIPT_NAME=/x", "SCRIPT_NAME= PATH_INFO=/x"},
		{"lighttpd-root", "nothing to go by", "QUERY_STRING=", "QUERY_STRING="},

		{"apache-proxy", "a balancer", "SCRIPT_FILENAME=proxy:balancer://pool/a", "SCRIPT_FILENAME=/a"},
		{"apache-proxy", "a file that php-fpm would run", "SCRIPT_FILENAME=proxy:fcgi://h:9/srv/x.php SCRIPT_NAME=/x.php PATH_INFO=/a",
			"SCRIPT_FILENAME=/srv/x.php SCRIPT_NAME=/x.php PATH_INFO=/a"},
		{"apache-proxy", "another path than SCRIPT_NAME's", "SCRIPT_FILENAME=proxy:fcgi://h:9/srv/x.php SCRIPT_NAME=/x.php",
			"SCRIPT_FILENAME=/srv/x.php SCRIPT_NAME=/x.php"},
		{"apache-proxy", "a file with a percent sign", "SCRIPT_FILENAME=proxy:fcgi://h:9/srv/a%41.php SCRIPT_NAME=/a%41.php",
			"SCRIPT_FILENAME=/srv/a%41.php SCRIPT_NAME=/a%41.php"},
		{"apache-proxy", "encoded and divided", "SCRIPT_FILENAME=proxy:fcgi://h:9/%C3%A9 SCRIPT_NAME=/app PATH_INFO=/\u00e9",
			"SCRIPT_FILENAME=/\u00e9 SCRIPT_NAME=/app PATH_INFO=/\u00e9"},
		{"apache-proxy", "divided already", "SCRIPT_FILENAME=proxy:fcgi://h:9/x SCRIPT_NAME=/app/x PATH_INFO=", "SCRIPT_FILENAME=/x SCRIPT_NAME=/app/x PATH_INFO="},
		{"apache-proxy", "no path", "SCRIPT_FILENAME=proxy:fcgi://h:9", "SCRIPT_FILENAME=proxy:fcgi://h:9"},
		{"apache-proxy", "no address", "SCRIPT_FILENAME=proxy:/a", "SCRIPT_FILENAME=proxy:/a"},
		{"apache-proxy", "a file", "SCRIPT_FILENAME=/srv/fcgi://h/a", "SCRIPT_FILENAME=/srv/fcgi://h/a"},

		{"apache-redirect", "one redirect", "REDIRECT_HTTP_AUTHORIZATION=a", "REDIRECT_HTTP_AUTHORIZATION=a HTTP_AUTHORIZATION=a"},
		{"apache-redirect", "the last redirect", "REDIRECT_REDIRECT_HTTP_AUTHORIZATION=a REDIRECT_HTTP_AUTHORIZATION=b",
			"REDIRECT_REDIRECT_HTTP_AUTHORIZATION=a REDIRECT_HTTP_AUTHORIZATION=b HTTP_AUTHORIZATION=b"},
		{"apache-redirect", "the last of one name", "REDIRECT_HTTP_AUTHORIZATION=a REDIRECT_HTTP_AUTHORIZATION=b",
			"REDIRECT_HTTP_AUTHORIZATION=b HTTP_AUTHORIZATION=b"},
		{"apache-redirect", "not to be replaced", "HTTP_AUTHORIZATION=a REDIRECT_HTTP_AUTHORIZATION=b", "HTTP_AUTHORIZATION=a REDIRECT_HTTP_AUTHORIZATION=b"},
		{"apache-redirect", "empty, as the rule leaves it", "REDIRECT_HTTP_AUTHORIZATION=", "REDIRECT_HTTP_AUTHORIZATION="},
		{"apache-redirect", "a client's field", "HTTP_REDIRECT_HTTP_AUTHORIZATION=a", "HTTP_REDIRECT_HTTP_AUTHORIZATION=a"},
		{"apache-redirect", "another variable", "REDIRECT_X_HTTP_AUTHORIZATION=a", "REDIRECT_X_HTTP_AUTHORIZATION=a"},
		{"apache-redirect", "others that claim something", "REDIRECT_REMOTE_USER=a REDIRECT_SSL_CLIENT_VERIFY=SUCCESS REDIRECT_HTTPS=on",
			"REDIRECT_REMOTE_USER=a REDIRECT_SSL_CLIENT_VERIFY=SUCCESS REDIRECT_HTTPS=on"},
	} {
		t.Run(test.profile+" "+test.name, func(t *testing.T) {
			e := util.EnvironFromList(strings.Fields(test.in))
			profile(t, test.profile).Fix(e)
			if got := strings.Join(e.List(), " "); got != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
		})
	}
}

func TestSentBy(t *testing.T) {
	for software, want := range map[string]bool{
		"Apache": true, "Apache/2.4.71 (Debian)": true, "Apache/2": true,
		"": false, "Apache-Coyote/1.1": false, "nginx/1.22.1 Apache": false, "apache/2.4": false,
	} {
		if got := isApache(environ("SERVER_SOFTWARE", software)); got != want {
			t.Errorf("%q: got %v; want %v", software, got, want)
		}
	}
}

// seen returns the variables of the given names that an App sees in Run with the profiles.
func seen(t *testing.T, profiles []Profile, e *util.Environ, names ...string) (got string) {
	t.Helper()
	h := &BaseCGIHandler{Environ: e, Stdout: &bytes.Buffer{}, Stderr: io.Discard}
	app := AppFunc(func(w ResponseWriter, r *Request) error {
		got = vars(r.Environ, names...)
		return nil
	})
	if err := h.Run(context.Background(), WithProfiles(app, profiles...)); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRunAppliesProfiles(t *testing.T) {
	const authorization = "HTTP_AUTHORIZATION=" + basic
	redirect := func() *util.Environ { return captures.Environ(t, environs, "apache2-cgi-redirect", "GET "+target) }
	if got := seen(t, nil, redirect(), "HTTP_AUTHORIZATION"); got != authorization {
		t.Errorf("by default: got %q; want %q", got, authorization)
	}
	root := func() *util.Environ { return captures.Environ(t, environs, "lighttpd-scgi-plain", "GET /app") }
	if got := seen(t, nil, root(), "SCRIPT_NAME", "PATH_INFO"); got != "SCRIPT_NAME=/app" {
		t.Errorf("by default: got %q; want what lighttpd sent", got)
	}
	asked := []Profile{profile(t, "lighttpd-root")}
	if got := seen(t, asked, root(), "SCRIPT_NAME", "PATH_INFO"); got != "SCRIPT_NAME= PATH_INFO=/app" {
		t.Errorf("lighttpd-root: got %q", got)
	}
}

func TestProfilesOfAProgramsOwn(t *testing.T) {
	iis := profile(t, "iis")
	iis.Applies = nil
	https := Profile{Fix: func(e *util.Environ) { e.Set("HTTPS", "on") }}
	e := environ("SCRIPT_NAME", "/x", "PATH_INFO", "/x/y", "SERVER_SOFTWARE", "a proxy")
	if got := seen(t, []Profile{iis, https}, e, "PATH_INFO", "HTTPS"); got != "PATH_INFO=/y HTTPS=on" {
		t.Errorf("got %s", got)
	}
}

// A scheme that a profile sets is the request's.
func TestProfilesSetTheScheme(t *testing.T) {
	https := Profile{Fix: func(e *util.Environ) { e.Set("HTTPS", "on") }}
	var scheme string
	app := AppFunc(func(w ResponseWriter, r *Request) error {
		scheme = r.Scheme
		return nil
	})
	runHandler(&BaseCGIHandler{}, WithProfiles(app, https).ServeGateway)
	if scheme != "https" {
		t.Errorf("got the scheme %q; want https", scheme)
	}
}

func TestProfileThatPanicsIsAnErrorPage(t *testing.T) {
	broken := Profile{Fix: func(*util.Environ) { panic("in a profile") }}
	app := AppFunc(func(ResponseWriter, *Request) error {
		t.Error("the App was called")
		return nil
	})
	got := runHandler(&BaseCGIHandler{}, WithProfiles(app, broken).ServeGateway)
	if got.err != nil || !strings.HasPrefix(got.out, "Status: 500 ") || !strings.Contains(got.log, "in a profile") {
		t.Errorf("got %q, %v, logged %q; want the error page and a line in the log", got.out, got.err, got.log)
	}
}

func TestWithProfiles(t *testing.T) {
	var got string
	app := WithProfiles(AppFunc(func(w ResponseWriter, r *Request) error {
		got = vars(r.Environ, "SCRIPT_NAME", "PATH_INFO")
		return nil
	}), profile(t, "lighttpd-root"), profile(t, "iis"))
	runHandler(&BaseCGIHandler{Environ: captures.Environ(t, environs, "lighttpd-scgi-plain", "GET /app")}, app.ServeGateway)
	if got != "SCRIPT_NAME= PATH_INFO=/app" {
		t.Errorf("got %s", got)
	}
}

func TestExplain(t *testing.T) {
	root := captures.Environ(t, environs, "lighttpd-scgi-plain", "GET /app")
	redirect := captures.Environ(t, environs, "apache2-cgi-redirect", "GET "+target)
	dropped := Profile{Name: "drop", Why: "because", Fix: func(e *util.Environ) { e.Del("SCRIPT_NAME") }}
	for _, test := range []struct {
		name     string
		e        *util.Environ
		profiles []Profile
		want     []string // beginnings
	}{
		{"the defaults have nothing to do", root, nil, nil},
		{"all that could be asked for", root, Profiles(), []string{"lighttpd-root changes PATH_INFO, SCRIPT_NAME: lighttpd "}},
		{"the defaults", redirect, nil, []string{"apache-redirect changes HTTP_AUTHORIZATION: Apache "}},
		{"none", redirect, []Profile{}, nil},
		{"one after the other", root, []Profile{dropped, profile(t, "lighttpd-root")}, []string{"drop changes SCRIPT_NAME: because"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := strings.Join(test.e.List(), "\n")
			got := Explain(test.e, test.profiles)
			if len(got) != len(test.want) {
				t.Fatalf("got %q; want %d lines", got, len(test.want))
			}
			for i, line := range got {
				if !strings.HasPrefix(line, test.want[i]) || strings.Contains(line, basic) || strings.Contains(line, "\n") {
					t.Errorf("got %q; want a line that begins %q and tells no credentials", line, test.want[i])
				}
			}
			if strings.Join(test.e.List(), "\n") != before {
				t.Error("the environ was changed")
			}
		})
	}
}

func TestProfilesAreDescribed(t *testing.T) {
	names := map[string]bool{}
	for _, p := range Profiles() {
		if p.Name == "" || names[p.Name] || !strings.HasSuffix(p.Why, ".") || p.Fix == nil || p.Applies == nil {
			t.Errorf("%q: want a name of its own, sentences, and both functions", p.Name)
		}
		names[p.Name] = true
		if p.Default != (p.Name == "apache-redirect") {
			t.Errorf("%s: Default is %v", p.Name, p.Default)
		}
	}
	Profiles()[0].Name = "changed"
	if Profiles()[0].Name == "changed" {
		t.Error("a caller can change what others get")
	}
}

// TestProfilesCostNothing to a request that needs none, whoever sent it.
func TestProfilesCostNothing(t *testing.T) {
	for _, e := range []*util.Environ{nginxEnviron(), captures.Environ(t, environs, "apache2-cgi", "GET "+target)} {
		if got := testing.AllocsPerRun(100, func() { applyDefaults(e) }); got != 0 {
			t.Errorf("%s: got %v allocations; want 0", e.Get("SERVER_SOFTWARE"), got)
		}
	}
}

func BenchmarkProfiles(b *testing.B) {
	e := nginxEnviron()
	b.ReportAllocs()
	for b.Loop() {
		applyDefaults(e)
	}
}
