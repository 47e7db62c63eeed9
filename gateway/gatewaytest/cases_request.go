package gatewaytest

import (
	"bytes"
	"fmt"
	"net"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// requestCases check what the App finds in its environ.
var requestCases = []Case{
	{
		Name: "get",
		Rule: "REQUEST_METHOD and QUERY_STRING arrive as sent (RFC 3875 sections 4.1.12 and 4.1.7; C1, C2)",
		app:  variables("REQUEST_METHOD", "QUERY_STRING"),
		drive: func(p *probe) {
			r := p.get("/?a=%20b&c=%26", 200)
			p.want("body", string(r.body), "REQUEST_METHOD=GET\nQUERY_STRING=a=%20b&c=%26\n")
			p.want("Content-Type", r.header.Get("Content-Type"), "text/plain")
		},
	},
	{
		Name: "query-is-always-set",
		Rule: "QUERY_STRING is always set, and empty without a query (RFC 3875 section 4.1.7; C1)",
		app:  variables("QUERY_STRING"),
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200).body), "QUERY_STRING=\n")
		},
	},
	{
		Name: "extension-method",
		Rule: "a method that the gateway does not know is passed on (RFC 3875 section 4.1.12; C2)",
		app:  variables("REQUEST_METHOD"),
		drive: func(p *probe) {
			r := p.doWhole(request{method: "PURGE"}, 200)
			p.want("body", string(r.body), "REQUEST_METHOD=PURGE\n")
		},
	},
	{
		Name: "mount",
		Rule: "SCRIPT_NAME is the mount, PATH_INFO is the rest of the path (RFC 3875 sections 4.1.13 and 4.1.5; C3, C15)",
		app:  variables("SCRIPT_NAME", "PATH_INFO"),
		drive: func(p *probe) {
			r := p.get("/foo/?dankogai=kogaidan", 200)
			p.want("body", string(r.body), "SCRIPT_NAME="+p.url.Path+"\nPATH_INFO=/foo/\n")
		},
	},
	{
		Name: "request-uri",
		Rule: "REQUEST_URI is the request's target, undecoded, with mount and query (PSGI; C17)",
		app:  variables("REQUEST_URI"),
		drive: func(p *probe) {
			r := p.get("/foo/%2c%20x?a=%2c", 200)
			p.want("body", string(r.body), "REQUEST_URI="+p.url.Path+"/foo/%2c%20x?a=%2c\n")
		},
	},
	{
		Name: "server",
		Rule: "SERVER_NAME, SERVER_PORT, SERVER_PROTOCOL and REMOTE_ADDR are always set (RFC 3875 sections 4.1.14 to 4.1.16 and 4.1.8; C4, C5, C6, C9)",
		app:  serverVariables,
		drive: func(p *probe) {
			_, port, _ := net.SplitHostPort(p.url.Host)
			r := p.get("/", 200)
			r.body = bytes.Replace(r.body, []byte("="+port+"\n"), []byte("=the front end's\n"), 1)
			p.want("body", string(r.body), "SERVER_NAME set: true\nSERVER_PORT=the front end's\n"+
				"SERVER_PROTOCOL=HTTP/1.1\nREMOTE_ADDR=127.0.0.1\nscheme "+p.url.Scheme+"\n")
		},
	},
	{
		Name: "forged-scheme",
		Rule: "no request field decides the scheme (PSGI; A11)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			return text(w, "%s", r.Scheme)
		},
		drive: func(p *probe) {
			other := map[string]string{"http": "https", "https": "http"}[p.url.Scheme]
			on := map[string]string{"http": "on", "https": "off"}[p.url.Scheme]
			r := p.get("/", 200, "Https", on, "Request-Scheme", other, "X-Forwarded-Proto", other)
			p.want("scheme", string(r.body), p.url.Scheme)
		},
	},
	{
		Name: "ipv6-host",
		Rule: "an IPv6 address has brackets in SERVER_NAME, and no port; HTTP_HOST is as sent (RFC 3875 section 4.1.14; C4)",
		app:  hostVariables,
		drive: func(p *probe) {
			r := p.doWhole(request{host: "[::1]:8080"}, 200)
			p.want("body", string(r.body), "HTTP_HOST=[::1]:8080\nSERVER_NAME is a host: true\n")
		},
	},
	decoding("path-encoded", "/foo%2cbar", "/foo,bar", "PATH_INFO is decoded (RFC 3875 section 4.1.5; C15)"),
	decoding("path-encoded-twice", "/foo%252cbar", "/foo%2cbar", "PATH_INFO is decoded once (RFC 3875 section 4.1.5; C15)"),
	decoding("path-bytes", "/%E3%81%82", "/\xe3\x81\x82", "PATH_INFO is bytes (RFC 3875 section 4.1.5)"),
	decoding("repeated-slashes", "//foo///bar/baz", "//foo///bar/baz", "repeated slashes are kept, so that the App can interpret them (RFC 3986 section 6.2.3)"),
	{
		Name: "field",
		Rule: "a request field becomes HTTP_ and its name in upper case, '-' as '_' (RFC 3875 section 4.1.18; C18)",
		app:  variables("HTTP_FOO", "HTTP_X_FOO_BAR", "FOO"),
		drive: func(p *probe) {
			r := p.get("/", 200, "Foo", "Bar", "x-Foo-bar", "2")
			p.want("body", string(r.body), "HTTP_FOO=Bar\nHTTP_X_FOO_BAR=2\n")
		},
	},
	{
		Name: "repeated-fields",
		Rule: "request fields of one name are joined with a comma (RFC 3875 section 4.1.18; C19)",
		app:  variables("HTTP_FOO"),
		drive: func(p *probe) {
			r := p.get("/", 200, "Foo", "bar", "Foo", "baz")
			// the space is optional
			r.body = []byte(strings.ReplaceAll(string(r.body), "bar,baz", "bar, baz"))
			p.want("body", string(r.body), "HTTP_FOO=bar, baz\n")
		},
	},
	{
		Name: "cookies",
		Rule: "Cookie fields are joined with \"; \" (RFC 6265 section 5.4; C19), and there is no variable COOKIE",
		app:  variables("HTTP_COOKIE", "COOKIE"),
		drive: func(p *probe) {
			r := p.get("/", 200, "Cookie", "a=1; b=2", "Cookie", "c=3")
			p.want("body", string(r.body), "HTTP_COOKIE=a=1; b=2; c=3\n")
		},
	},
	{
		Name: "aliased-field",
		Rule: "a field with '_' in its name does not set the variable of the field with '-' (RFC 3875 section 4.1.18; GHSA-f59h-q822-g45g)",
		app:  variables("HTTP_X_REAL_USER"),
		drive: func(p *probe) {
			r := p.get("/", 200, "X-Real-User", "nobody", "X_Real_User", "root")
			p.want("body", string(r.body), "HTTP_X_REAL_USER=nobody\n")
		},
	},
	{
		Name: "fifty-fields",
		Rule: "many request fields all arrive, also those that lie across two records (FastCGI section 3.3; F6, C47)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			out := ""
			for i := range 50 {
				out += r.Environ.Get(fmt.Sprintf("HTTP_X_FIELD_%d", i)) + "\n"
			}
			return text(w, "%s", out)
		},
		drive: func(p *probe) {
			var fields []string
			want := ""
			for i := range 50 {
				// around 127 bytes, where FastCGI changes from one length byte to four
				value := strings.Repeat(string(rune('A'+i%26)), 100+i)
				fields = append(fields, fmt.Sprintf("X-Field-%d", i), value)
				want += value + "\n"
			}
			p.want("body", string(p.get("/", 200, fields...).body), want)
		},
	},
	fieldOf("field-of-128-bytes", 128, "a value of 128 bytes has a length of four bytes in FastCGI (section 3.4; F8)"),
	fieldOf("field-of-20-kilobytes", 20_000, "a long request field arrives complete, or the request is refused (C47)"),
	{
		Name: "authorization",
		Rule: "Authorization reaches the App, which may check it itself (RFC 3875 section 4.1.18 allows a server to withhold it)",
		app:  variables("HTTP_AUTHORIZATION"),
		drive: func(p *probe) {
			r := p.get("/", 200, "Authorization", "Basic Zm9vOmJhcg==")
			p.want("body", string(r.body), "HTTP_AUTHORIZATION=Basic Zm9vOmJhcg==\n")
			p.want("body without it", string(p.get("/", 200).body), "")
		},
	},
	{
		Name: "httpoxy",
		Rule: "a request field Proxy never becomes HTTP_PROXY (CVE-2016-5386; C22)",
		app:  variables("HTTP_PROXY"),
		drive: func(p *probe) {
			p.want("body", string(p.get("/", 200, "Proxy", "http://evil.example").body), "")
		},
	},
	{
		Name: "no-entity-variables",
		Rule: "CONTENT_TYPE and CONTENT_LENGTH come without HTTP_ (RFC 3875 section 4.1.18)",
		app:  variables("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"),
		drive: func(p *probe) {
			r := p.doWhole(request{method: "POST", body: strings.NewReader("abc"), fields: []string{"Content-Type", "a/b"}}, 200)
			p.want("body", string(r.body), "CONTENT_TYPE=a/b\nCONTENT_LENGTH=3\n")
		},
	},
}

func serverVariables(w gateway.ResponseWriter, r *gateway.Request) error {
	e := r.Environ
	return text(w, "SERVER_NAME set: %v\nSERVER_PORT=%s\nSERVER_PROTOCOL=%s\nREMOTE_ADDR=%s\nscheme %s\n",
		e.Get("SERVER_NAME") != "", e.Get("SERVER_PORT"), e.Get("SERVER_PROTOCOL"), e.Get("REMOTE_ADDR"), r.Scheme)
}

func hostVariables(w gateway.ResponseWriter, r *gateway.Request) error {
	name := r.Environ.Get("SERVER_NAME")
	bare := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	ok := name == bare && bare != "" && !strings.Contains(bare, ":") || name == "["+bare+"]"
	return text(w, "HTTP_HOST=%s\nSERVER_NAME is a host: %v\n", r.Environ.Get("HTTP_HOST"), ok)
}

func decoding(name, path, info, rule string) Case {
	return Case{Name: name, Rule: rule, app: variables("PATH_INFO"), drive: func(p *probe) {
		p.want("body", string(p.get(path, 200).body), "PATH_INFO="+info+"\n")
	}}
}

func fieldOf(name string, size int, rule string) Case {
	return Case{Name: name, Rule: rule, app: variables("HTTP_X_LONG"), drive: func(p *probe) {
		value := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		p.want("body", string(p.get("/", 200, "X-Long", value).body), "HTTP_X_LONG="+value+"\n")
	}}
}
