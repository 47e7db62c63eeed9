package gateway

import (
	"maps"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// Profile corrects the environ of one kind of web server. [Profiles] returns those of this module.
// A program may define its own, or copy one of them and change Applies.
type Profile struct {
	Name string // such as "lighttpd-root"
	// sentences for people: what the server sends, how Fix corrects it, and when not to use the
	// profile
	Why string

	// Default says that Run applies the profile to every request. Such a profile is correct for
	// every server that Applies accepts.
	Default bool

	// Applies reports whether the environ was sent by such a server. Nil means every server.
	Applies func(e *util.Environ) bool

	// Fix corrects e in place, and does not change an environ without the fault. It must not change
	// CONTENT_LENGTH and REQUEST_METHOD, which have been used before it is called. It must be safe
	// for concurrent use.
	Fix func(e *util.Environ)
}

// Profiles returns this module's profiles, in the order in which they are applied. Only
// apache-redirect is a default: it adds a variable that the server's administrator configured, and
// changes no other. Each of the others would damage a correct environ, and cannot distinguish one
// from an environ with the fault.
func Profiles() []Profile {
	all := builtIn()
	return all[:]
}

// builtIn returns an array, so that its use for every request does not allocate.
func builtIn() [4]Profile {
	return [...]Profile{
		{
			Name:    "apache-redirect",
			Default: true,
			Applies: isApache,
			Fix:     restoreAuthorization,
			Why: "Apache withholds Authorization from programs, so a RewriteRule sets HTTP_AUTHORIZATION; the redirect that the " +
				"rule makes renames it to REDIRECT_HTTP_AUTHORIZATION. It is copied back if HTTP_AUTHORIZATION is not set. " +
				"No other REDIRECT_ variable is copied: for example, REDIRECT_REMOTE_USER also names a user who was refused.",
		},
		{
			Name:    "apache-proxy",
			Applies: isApache,
			Fix:     stripProxyAddress,
			Why: "Apache's mod_proxy_fcgi and mod_proxy_scgi send SCRIPT_FILENAME as proxy:fcgi://host:port/path: only the path is " +
				"kept. Under a plain ProxyPass that path is the part of SCRIPT_NAME that should be PATH_INFO, and is moved " +
				"there. Not to be used where requests are forwarded to php-fpm, which recognises Apache by the address.",
		},
		{
			Name:    "lighttpd-root",
			Applies: func(e *util.Environ) bool { return sentBy(e, "lighttpd") },
			Fix:     emptyScriptName,
			Why: "lighttpd without fix-root-scriptname sends the first segment of the path as SCRIPT_NAME, though the application " +
				"is mounted at the root: SCRIPT_NAME is moved to the front of PATH_INFO. Not to be used for an application " +
				"mounted anywhere else, for which lighttpd sends the same.",
		},
		{
			Name:    "iis",
			Applies: func(e *util.Environ) bool { return sentBy(e, "Microsoft-IIS") },
			Fix:     dropRepeatedScriptName,
			Why: "IIS repeats SCRIPT_NAME at the front of PATH_INFO, unless allowPathInfo (allowPathInfoForScriptMappings before " +
				"IIS 7) is set: the repetition is dropped. Not to be used where it is set: /app/app/x would be taken for " +
				"/app/x. This profile follows documentation; it was not tested with a server.",
		},
	}
}

// WithProfiles returns an App that applies profiles to the environ of a request before it calls
// app. Each profile is applied only if Applies accepts the environ. A program uses WithProfiles for
// profiles that are not a default, on any transport. A profile must not be applied twice, because
// the corrected environ may again look as if it had the fault.
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

// Explain describes how profiles would change e, which it does not change. For each profile that
// changes a variable it returns one line of text: the name of the profile, the names of the
// variables, and Why. The line has no values, since these may be credentials. If profiles is nil,
// the defaults are explained.
func Explain(e *util.Environ, profiles []Profile) []string {
	if profiles == nil {
		profiles = slices.DeleteFunc(Profiles(), func(p Profile) bool { return !p.Default })
	}
	var lines []string
	e = e.Clone()
	for _, p := range profiles {
		before := e.Map()
		p.apply(e)
		if names := changedNames(before, e.Map()); len(names) > 0 {
			lines = append(lines, p.Name+" changes "+strings.Join(names, ", ")+": "+p.Why)
		}
	}
	return lines
}

// changedNames returns the sorted names whose values differ.
func changedNames(before, after map[string]string) []string {
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

// applyDefaults applies the profiles with Default set.
func applyDefaults(e *util.Environ) {
	for _, p := range builtIn() {
		if p.Default {
			p.apply(e)
		}
	}
}

// sentBy reports whether SERVER_SOFTWARE names the product, with a version or, as administrators
// may configure it, without. A longer name, such as Tomcat's Apache-Coyote, is that of another
// server.
func sentBy(e *util.Environ, product string) bool {
	rest, ok := strings.CutPrefix(e.Get("SERVER_SOFTWARE"), product)
	return ok && (rest == "" || rest[0] == '/')
}

func isApache(e *util.Environ) bool { return sentBy(e, "Apache") }

// restoreAuthorization sets HTTP_AUTHORIZATION to the value from before the last internal redirect.
// Each internal redirect adds the prefix REDIRECT_ to the variables of the request before it, so
// the variable with the fewest prefixes is from the last redirect. A client cannot send one,
// because the variables of its fields begin with HTTP_.
//
// Other variables are not safe to copy, because an application trusts them. Apache sets
// REDIRECT_REMOTE_USER if a request before the redirect named a user, even with a wrong password
// (testdata/environ/apache2-cgi-redirect.txt: REDIRECT_STATUS=401). REDIRECT_SSL_CLIENT_VERIFY
// follows the TLS settings of another location. REDIRECT_URL, REDIRECT_QUERY_STRING and
// REDIRECT_STATUS describe the request before the redirect; without REDIRECT_ their names have
// other meanings.
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

// stripProxyAddress removes the address to which mod_proxy connects from SCRIPT_FILENAME:
// proxy:fcgi://host:port, proxy:scgi://host:port or proxy:balancer://name. Under ProxyPass "/app"
// "fcgi://host:port" the path after the address is the encoded path of the request below /app, and
// SCRIPT_NAME is the complete decoded path. Such a path is decoded. Any other path is not changed:
// under SetHandler it is the name of a file, and only under ProxyPassMatch and RewriteRule it is
// encoded (Apache 2.4.71).
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

// emptyScriptName moves SCRIPT_NAME to the front of PATH_INFO. For an application at "/", lighttpd
// ends SCRIPT_NAME at the next slash after that "/".
func emptyScriptName(e *util.Environ) {
	if script := e.Get("SCRIPT_NAME"); script != "" {
		e.Set("SCRIPT_NAME", "")
		e.Set("PATH_INFO", script+e.Get("PATH_INFO"))
	}
}

// dropRepeatedScriptName removes SCRIPT_NAME from the front of PATH_INFO, as wsgiref's
// IISCGIHandler does, but only up to the end of a segment.
func dropRepeatedScriptName(e *util.Environ) {
	script := e.Get("SCRIPT_NAME")
	rest, repeated := strings.CutPrefix(e.Get("PATH_INFO"), script)
	if script != "" && repeated && (rest == "" || rest[0] == '/') {
		e.Set("PATH_INFO", rest)
	}
}
