package gateway

import (
	"maps"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// Profile is a correction of what one kind of web server sends. [Profiles] has those of this
// module; a program may make its own, or a copy of one of them with another Applies.
type Profile struct {
	Name string // such as "lighttpd-root"
	// what the server does, what is done about it, and when not to use it: sentences for people
	Why string

	// Default says that the profile is applied where nobody chose: it cannot be wrong about a
	// server that it applies to.
	Default bool

	// Applies tells such a server by its environ. Nil is every server.
	Applies func(e *util.Environ) bool

	// Fix corrects e in place, and leaves one alone that does not have the fault. It must not
	// change CONTENT_LENGTH and REQUEST_METHOD, which have been acted on by then. Different
	// requests may call it at the same time.
	Fix func(e *util.Environ)
}

// Profiles returns this module's profiles, in the order in which they are applied. Only
// apache-redirect is a default: it adds what the server's administrator asked for, and changes
// nothing that was sent. The others would damage an environ that is right, and cannot tell it from
// one that is not.
func Profiles() []Profile {
	all := builtIn()
	return all[:]
}

// builtIn is an array, so that going through it for every request costs no allocation.
func builtIn() [4]Profile {
	return [...]Profile{
		{
			Name:    "apache-redirect",
			Default: true,
			Applies: isApache,
			Fix:     restoreAuthorization,
			Why: "Apache withholds Authorization from programs, so a RewriteRule sets HTTP_AUTHORIZATION; the redirect that the " +
				"rule makes renames it to REDIRECT_HTTP_AUTHORIZATION. It is copied back where HTTP_AUTHORIZATION is not " +
				"there. No other REDIRECT_ variable is: REDIRECT_REMOTE_USER, for one, names also a user who was refused.",
		},
		{
			Name:    "apache-proxy",
			Applies: isApache,
			Fix:     stripProxyAddress,
			Why: "Apache's mod_proxy_fcgi and mod_proxy_scgi give SCRIPT_FILENAME as proxy:fcgi://host:port/path: only the path is " +
				"left. Behind a plain ProxyPass that path is the part of SCRIPT_NAME that should be PATH_INFO, and is moved " +
				"there. Not to be used where requests are forwarded to php-fpm, which knows Apache by the address.",
		},
		{
			Name:    "lighttpd-root",
			Applies: func(e *util.Environ) bool { return sentBy(e, "lighttpd") },
			Fix:     emptyScriptName,
			Why: "lighttpd without fix-root-scriptname gives the first segment of the path as SCRIPT_NAME, though the application " +
				"is mounted at the root: SCRIPT_NAME is moved to the front of PATH_INFO. Not to be used for an application " +
				"mounted anywhere else, for which lighttpd sends the same.",
		},
		{
			Name:    "iis",
			Applies: func(e *util.Environ) bool { return sentBy(e, "Microsoft-IIS") },
			Fix:     dropRepeatedScriptName,
			Why: "IIS repeats SCRIPT_NAME at the front of PATH_INFO, unless allowPathInfo (allowPathInfoForScriptMappings before " +
				"IIS 7) is set: the repetition is dropped. Not to be used where it is set: /app/app/x would be taken for " +
				"/app/x. This is known from documentation, not from a server.",
		},
	}
}

// WithProfiles returns an App that applies profiles to the environ of a request before app sees it,
// each to its server only. It is how a program asks for a profile that is not a default, whatever
// the transport. A profile must not be applied twice: what it moves may look as if it were to be
// moved again.
func WithProfiles(app App, profiles ...Profile) App {
	return AppFunc(func(w ResponseWriter, r *Request) error {
		before := util.GuessScheme(r.Environ)
		for _, p := range profiles {
			p.apply(r.Environ)
		}
		if after := util.GuessScheme(r.Environ); after != before {
			c := *r
			c.Scheme, r = after, &c
		}
		return app.ServeGateway(w, r)
	})
}

// Explain says what profiles do to e, which it leaves alone: for each one that changes something
// its name, the names of the variables and Why, as a line of text. It shows no values: they may be
// credentials. Nil stands for the defaults.
func Explain(e *util.Environ, profiles []Profile) []string {
	if profiles == nil {
		profiles = slices.DeleteFunc(Profiles(), func(p Profile) bool { return !p.Default })
	}
	var lines []string
	e = e.Clone()
	for _, p := range profiles {
		before := e.Map()
		p.apply(e)
		if names := changed(before, e.Map()); len(names) > 0 {
			lines = append(lines, p.Name+" changes "+strings.Join(names, ", ")+": "+p.Why)
		}
	}
	return lines
}

// changed returns the names whose values differ, sorted.
func changed(before, after map[string]string) []string {
	maps.DeleteFunc(before, func(name, value string) bool {
		now, ok := after[name]
		if ok && now == value {
			delete(after, name)
			return true
		}
		return false
	})
	maps.Copy(before, after)
	return slices.Sorted(maps.Keys(before))
}

func (p Profile) apply(e *util.Environ) {
	if p.Applies == nil || p.Applies(e) {
		p.Fix(e)
	}
}

// applyDefaults applies the profiles that are a Default.
func applyDefaults(e *util.Environ) {
	for _, p := range builtIn() {
		if p.Default {
			p.apply(e)
		}
	}
}

// sentBy reports whether SERVER_SOFTWARE names that product, with a version or, as administrators
// like to have it, without. Names that only begin alike, such as Tomcat's Apache-Coyote, are other
// servers.
func sentBy(e *util.Environ, product string) bool {
	rest, ok := strings.CutPrefix(e.Get("SERVER_SOFTWARE"), product)
	return ok && (rest == "" || rest[0] == '/')
}

func isApache(e *util.Environ) bool { return sentBy(e, "Apache") }

// restoreAuthorization: each internal redirect puts one REDIRECT_ before the names of the request
// before it. The variable that has the fewest is of the last redirect. A client cannot send one:
// its fields have HTTP_ before their names.
//
// Safe to copy is only what claims nothing by itself. Apache sets REDIRECT_REMOTE_USER where a
// request before the redirect named a user, also when his password was wrong
// (testdata/environ/apache2-cgi-redirect.txt: REDIRECT_STATUS=401), and REDIRECT_SSL_CLIENT_VERIFY
// would be about another place's demands. What REDIRECT_URL, REDIRECT_QUERY_STRING and
// REDIRECT_STATUS describe is the request before: the names without REDIRECT_ are taken.
func restoreAuthorization(e *util.Environ) {
	if e.Get("HTTP_AUTHORIZATION") != "" {
		return
	}
	nearest, credentials := "", ""
	for name, value := range e.All() {
		if value != "" && isRedirected(name, "HTTP_AUTHORIZATION") && (nearest == "" || len(name) <= len(nearest)) {
			nearest, credentials = name, value
		}
	}
	if nearest != "" {
		e.Set("HTTP_AUTHORIZATION", credentials)
	}
}

func isRedirected(name, original string) bool {
	prefixes, ok := strings.CutSuffix(name, original)
	return ok && prefixes != "" && strings.ReplaceAll(prefixes, "REDIRECT_", "") == ""
}

// stripProxyAddress takes off what mod_proxy connects to: proxy:fcgi://host:port,
// proxy:scgi://host:port or proxy:balancer://name. ProxyPass "/app" "fcgi://host:port" makes the
// path what the client asked for below /app, encoded, and SCRIPT_NAME the whole of it, decoded. A
// path that is not from the URL stays as it is: it is a file's name under SetHandler, and encoded
// only under ProxyPassMatch and RewriteRule (Apache 2.4.71).
func stripProxyAddress(e *util.Environ) {
	file, ok := strings.CutPrefix(e.Get("SCRIPT_FILENAME"), "proxy:")
	_, target, found := strings.Cut(file, "://")
	slash := strings.IndexByte(target, '/')
	if !ok || !found || slash < 0 {
		return
	}
	path, script := target[slash:], e.Get("SCRIPT_NAME")
	info, divided := e.Lookup("PATH_INFO")
	if decoded, ok := util.DecodePath(path); ok && strings.HasSuffix(script+info, decoded) {
		path = decoded
	}
	e.Set("SCRIPT_FILENAME", path)
	if mount, ok := strings.CutSuffix(script, path); ok && !divided {
		e.Set("SCRIPT_NAME", mount)
		e.Set("PATH_INFO", path)
	}
}

// emptyScriptName: SCRIPT_NAME ends where lighttpd looks for the next slash behind the "/" that it
// was told to match.
func emptyScriptName(e *util.Environ) {
	if script := e.Get("SCRIPT_NAME"); script != "" {
		e.Set("SCRIPT_NAME", "")
		e.Set("PATH_INFO", script+e.Get("PATH_INFO"))
	}
}

// dropRepeatedScriptName is wsgiref's IISCGIHandler: the repetition ends at a segment.
func dropRepeatedScriptName(e *util.Environ) {
	script := e.Get("SCRIPT_NAME")
	rest, repeated := strings.CutPrefix(e.Get("PATH_INFO"), script)
	if script != "" && repeated && (rest == "" || rest[0] == '/') {
		e.Set("PATH_INFO", rest)
	}
}
