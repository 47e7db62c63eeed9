package webserver_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/testdata/conf"
)

// Package conf lies in testdata, which ./... leaves out, so its tests are here.

// A protocol file is text to copy: here for nginx in front of an SCGI application on a unix socket.
func Example_configuration() {
	conf.RenderProtocol(os.Stdout, "nginx-scgi", conf.Data{
		Mount: "/app", Network: "unix", Address: "/run/app.sock", Include: "/etc/nginx", Buffered: true,
	})
	// Output:
	// location ~ ^/app(?<path_info>/(?s).*)?$ {
	// 	include "/etc/nginx/scgi_params";
	// 	# The stock file sets neither of these two.
	// 	scgi_param SCRIPT_NAME "/app";
	// 	scgi_param PATH_INFO $path_info;
	// 	scgi_pass unix:/run/app.sock;
	//
	// 	# The whole response head must fit scgi_buffer_size (4k by default), or nginx answers 502. nginx
	// 	# starts only if the other buffers are as large.
	// 	scgi_buffer_size 128k;
	// 	scgi_buffers 4 128k;
	// }
}

func TestConfNames(t *testing.T) {
	want := "apache2-cgi apache2-cgi-redirect apache2-cgid apache2-fastcgi apache2-fastcgi-plain apache2-fastcgi-spawn apache2-http apache2-php " +
		"apache2-scgi caddy-fastcgi caddy-http caddy-php haproxy-fastcgi haproxy-fastcgi-balanced haproxy-http haproxy-php lighttpd-cgi " +
		"lighttpd-fastcgi lighttpd-fastcgi-authorizer lighttpd-fastcgi-plain lighttpd-fastcgi-spawn lighttpd-http lighttpd-php lighttpd-scgi " +
		"lighttpd-scgi-plain nginx-fastcgi nginx-fastcgi-balanced nginx-http nginx-php nginx-scgi nginx-uwsgi"
	if got := strings.Join(conf.Names(), " "); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if got := conf.Server("lighttpd-fastcgi-spawn"); got != "lighttpd" {
		t.Errorf("got %q; want lighttpd", got)
	}
}

func TestConfRender(t *testing.T) {
	data := conf.Data{
		Listen: "127.0.0.1:8080", Dir: "/dir", Mount: "/app", Network: "tcp", Address: "127.0.0.1:9000", Program: "/dir/bin/app",
		Processes: []conf.Process{{Address: "127.0.0.1:9001", Health: "127.0.0.1:9101"}},
		Env:       map[string]string{"NAME": "value"}, User: "web", Group: "webs", Include: "/etc/nginx", Modules: "/modules",
		Root: "/srv/www", SplitPath: []string{".php"},
	}
	for _, name := range conf.Names() {
		t.Run(name, func(t *testing.T) {
			protocol := render(t, conf.RenderProtocol, name, data)
			whole := render(t, conf.Render, name, data)
			// upstream, and what a frame has for itself, belong in another section
			if strings.HasPrefix(protocol, "# This needs: ") { // the modules of Apache
				_, protocol, _ = strings.Cut(protocol, "\n")
			}
			for part := range strings.SplitSeq(protocol, "\n\n") {
				if !strings.Contains(whole, part) {
					t.Errorf("the protocol's text is not part of the complete configuration:\n%s\n%s", part, whole)
				}
			}
			if strings.Contains(whole, "<no value>") {
				t.Errorf("a field is missing:\n%s", whole)
			}
			for _, private := range []string{"127.0.0.1:8080", "/dir/pid", ":8080"} {
				if strings.Contains(protocol, private) {
					t.Errorf("the protocol's text names %s, which belongs to the frame:\n%s", private, protocol)
				}
			}
		})
	}
}

func render(t *testing.T, f func(io.Writer, string, conf.Data) error, name string, data conf.Data) string {
	t.Helper()
	var text bytes.Buffer
	if err := f(&text, name, data); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestConfFlags(t *testing.T) {
	for _, test := range []struct {
		template, line string
		data           conf.Data // leaves the line out
	}{
		{"nginx-fastcgi", "fastcgi_param PATH_INFO", conf.Data{Stock: true}},
		{"nginx-scgi", "scgi_param PATH_INFO", conf.Data{Stock: true}},
		{"nginx-fastcgi", "fastcgi_buffering off", conf.Data{Buffered: true}},
		{"nginx-fastcgi", "fastcgi_request_buffering off", conf.Data{Buffered: true}},
		{"nginx-fastcgi", "fastcgi_request_buffering off", conf.Data{BufferRequest: true}},
		{"nginx-fastcgi", "fastcgi_buffering off", conf.Data{BufferResponse: true}},
		{"nginx-fastcgi", "fastcgi_pass 127", conf.Data{KeepAlive: true}},
		{"nginx-scgi", "scgi_buffering off", conf.Data{Buffered: true}},
		{"nginx-http", "proxy_buffering off", conf.Data{Buffered: true}},
		{"nginx-fastcgi", "merge_slashes off", conf.Data{OwnPaths: true}},
		{"apache2-fastcgi", "MergeSlashes Off", conf.Data{OwnPaths: true}},
		{"apache2-fastcgi", "AllowEncodedSlashes On", conf.Data{OwnPaths: true}},
		{"nginx-http", "proxy_request_buffering off", conf.Data{BufferRequest: true}},
		{"lighttpd-fastcgi", "server.stream-response-body = 2", conf.Data{Buffered: true}},
		{"haproxy-fastcgi", "pool-max-conn 0", conf.Data{KeepAlive: true}},
		{"haproxy-fastcgi", "option http-no-delay", conf.Data{Buffered: true}},
		{"apache2-fastcgi", "flushpackets=on", conf.Data{Buffered: true}},
		{"apache2-scgi", "flushpackets=on", conf.Data{Buffered: true}},
	} {
		t.Run(test.template+" "+test.line, func(t *testing.T) {
			at := conf.Data{Listen: "127.0.0.1:80", Network: "tcp", Address: "127.0.0.1:9000"}
			test.data.Listen, test.data.Network, test.data.Address = at.Listen, at.Network, at.Address
			if !strings.Contains(render(t, conf.Render, test.template, at), test.line) {
				t.Error("the line is not there by default")
			}
			if strings.Contains(render(t, conf.Render, test.template, test.data), test.line) {
				t.Error("the flag does not leave the line out")
			}
		})
	}
}

func TestConfErrors(t *testing.T) {
	for _, test := range []struct {
		name, want string
		data       conf.Data
	}{
		{"nginx-gopher", `no configuration "nginx-gopher"`, conf.Data{}},
		{"nginx", `no configuration "nginx"`, conf.Data{}},
		{"../nginx-scgi", `no configuration "../nginx-scgi"`, conf.Data{}},
		{"nginx-scgi", "missing port", conf.Data{Listen: "127.0.0.1"}},
	} {
		if err := conf.Render(io.Discard, test.name, test.data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v; want %s", test.name, err, test.want)
		}
	}
}
