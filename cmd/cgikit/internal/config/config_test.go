package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/testdata/conf"
)

// optionsFor returns options that lead to the configuration or the server called name.
func optionsFor(name string) Options {
	o := Options{Server: name}
	if strings.HasSuffix(name, "-php") {
		o.Root, o.SplitPath = "/srv/www", []string{".php"}
	}
	return o
}

func write(t *testing.T, o Options) string {
	t.Helper()
	var text bytes.Buffer
	if err := Write(&text, o); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestListIsComplete: every configuration of the tests is in the list, but for those that exist to
// show a fault and uwsgi.
func TestListIsComplete(t *testing.T) {
	var listed []string
	for _, e := range List() {
		if e.What == "" || slices.Contains(listed, e.Name) {
			t.Errorf("%s: is listed twice, or has no description", e.Name)
		}
		listed = append(listed, e.Name)
	}
	for _, name := range append(conf.Names(), conf.WholeNames()...) {
		fault := strings.HasSuffix(name, "-plain") || strings.HasSuffix(name, "-redirect") || strings.HasSuffix(name, "-uwsgi")
		if slices.Contains(listed, name) == fault {
			t.Errorf("%s: got listed %t; want %t", name, !fault, fault)
		}
	}
}

// TestWriteIsWhatTheTestsRun: the text is that of package conf, which the integration tests render.
func TestWriteIsWhatTheTestsRun(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		data conf.Data
	}{
		{"nginx-scgi", Options{Server: "nginx", Target: "scgi+unix:/run/a.sock", Mount: "/app"},
			conf.Data{Network: "unix", Address: "/run/a.sock", Mount: "/app", Include: includes(), Buffered: true}},
		{"haproxy-fastcgi", Options{Server: "haproxy", Listen: []string{"auto://0.0.0.0:9000"}, KeepConn: true, Stream: true},
			conf.Data{Network: "tcp", Address: "127.0.0.1:9000", KeepAlive: true}},
		{"lighttpd-cgi", Options{Server: "lighttpd", Target: "cgi:/srv/app", Mount: "/app"},
			conf.Data{Program: "/srv/app", Mount: "/app", Buffered: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want bytes.Buffer
			if err := conf.RenderProtocol(&want, c.name, c.data); err != nil {
				t.Fatal(err)
			}
			if got := write(t, c.o); got != want.String() {
				t.Errorf("got %.500s; want %.500s", got, want.String())
			}
		})
	}
}

func includes() string {
	binary, err := conf.Find("nginx")
	if err != nil {
		return "/etc/nginx"
	}
	return conf.Includes(binary)
}

// TestChoice: the address chooses the configuration of a server.
func TestChoice(t *testing.T) {
	php := []string{".php"}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Server: "nginx"}, "nginx-fastcgi"},
		{Options{Server: "nginx", Target: "scgi://127.0.0.1:4000"}, "nginx-scgi"},
		{Options{Server: "caddy", Target: "http+unix:/run/a.sock"}, "caddy-http"},
		{Options{Server: "apache2", Target: "cgi:/srv/cgi"}, "apache2-cgid"},
		{Options{Server: "apache2-cgi", Target: "cgi:/srv/cgi"}, "apache2-cgi"},
		{Options{Server: "lighttpd", Target: "auto://127.0.0.1:9000"}, "lighttpd-fastcgi"},
		{Options{Server: "nginx", Root: "/srv", SplitPath: php}, "nginx-php"},
		{Options{Server: "nginx-php", Root: "/srv", SplitPath: php}, "nginx-php"},
		{Options{Server: "php-fpm"}, "php-fpm.pool"},
		{Options{Server: "php-fpm", Full: true}, "php-fpm.conf"},
		{Options{Server: "docker"}, "docker.probe"},
		{Options{Server: "docker", Target: "fastcgi://127.0.0.1:9000"}, "docker.probe"},
		{Options{Server: "docker", Listen: []string{"http://0.0.0.0:80"}}, "docker.serve"},
		{Options{Server: "kubernetes", Full: true}, "kubernetes.pod"},
		{Options{Server: "systemd", Listen: []string{"scgi://127.0.0.1:4000"}, Target: "demo:"}, "systemd.service systemd.socket systemd.user-service systemd.user-socket"},
		{Options{Server: "systemd.socket"}, "systemd.socket"},
		{Options{Server: "fcgiwrap"}, "systemd.fcgiwrap-service systemd.fcgiwrap-socket"},
	} {
		p, err := newPlan(c.o)
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		if got := strings.Join(p.choice.names, " "); got != c.want {
			t.Errorf("%+v: got %s; want %s", c.o, got, c.want)
		}
	}
}

// TestMistakes: each is one line with the cause and a hint, and the exit status of a mistake in the
// command line.
func TestMistakes(t *testing.T) {
	php := []string{".php"}
	for _, c := range []struct {
		o          Options
		want, hint string
	}{
		{Options{}, "config takes the name of a server", "--list"},
		{Options{Server: "iis"}, `there is no configuration for "iis"`, "--list"},
		{Options{Server: "apache"}, `there is no configuration for "apache"`, "did you mean apache2?"},
		{Options{Server: "NGINX"}, `there is no configuration for "NGINX"`, "did you mean nginx?"},
		{Options{Server: "nginx-uwsgi"}, "there is no configuration", "--list"},
		{Options{Server: "lighttpd-scgi-plain"}, "there is no configuration", "--list"},
		{Options{Server: "nginx", Target: "/run/app.sock"}, "does not say which protocol", "fastcgi+unix:PATH"},
		{Options{Server: "nginx", Target: "demo:"}, "nothing that a server can connect to", "cgikit serve -l"},
		{Options{Server: "nginx", Target: "fastcgi+fd:0"}, "inherited socket", "systemd"},
		{Options{Server: "nginx", Target: "fastcgi://127.0.0.1:0"}, "has no port", "port"},
		{Options{Server: "nginx", Target: "fastcgi+unix:app.sock"}, "not an absolute path", "folder"},
		{Options{Server: "nginx", Target: "fastcgi+unix:@app"}, "abstract socket", "a path"},
		{Options{Server: "lighttpd", Target: "cgi:bin"}, "not an absolute path", "folder"},
		{Options{Server: "nginx", Target: "gopher://127.0.0.1:70"}, "unknown", "such as"},
		{Options{Server: "nginx", Target: "cgi:/srv/cgi"}, "nginx starts no CGI programs", "cgikit serve"},
		{Options{Server: "caddy", Target: "scgi://127.0.0.1:4000"}, "caddy does not speak SCGI", "cgikit serve"},
		{Options{Server: "nginx-scgi", Target: "fastcgi://127.0.0.1:9000"}, "nginx-scgi needs an address of scgi", "cgikit config nginx"},
		{Options{Server: "nginx-php"}, "do not fit", "--split-path .php"},
		{Options{Server: "nginx", Root: "/srv/www"}, "--root needs --split-path", "such as"},
		{Options{Server: "nginx", SplitPath: php}, "--split-path needs --root", "such as"},
		{Options{Server: "nginx", Root: "www", SplitPath: php}, "not an absolute path", "folder"},
		{Options{Server: "nginx", Root: "/srv", SplitPath: []string{"php"}}, "not a dot and letters", "such as"},
		{Options{Server: "nginx", Root: "/srv", SplitPath: php, Target: "scgi://127.0.0.1:4000"}, "php-fpm speaks FastCGI", "such as"},
		{Options{Server: "nginx", Root: "/srv", SplitPath: php, Mount: "/app"}, "--mount has no effect on nginx-php", "use it with"},
		{Options{Server: "nginx", Root: `/srv/a"b`, SplitPath: php}, `have to quote: '"'`, "symbolic link"},
		{Options{Server: "nginx", Mount: "/a b"}, "have to quote: ' '", "letters"},
		{Options{Server: "nginx", Mount: "/a\xff"}, "have to quote", "letters"},
		{Options{Server: "nginx", Mount: "app"}, `--mount "app" is not a path`, "slash"},
		{Options{Server: "nginx", ServerName: "a;b", Full: true}, "have to quote: ';'", "letters"},
		{Options{Server: "nginx", ServerName: "a"}, "--server-name has no effect on nginx-fastcgi", "--full"},
		{Options{Server: "nginx", HTTP: "127.0.0.1:80"}, "--http has no effect", "--full"},
		{Options{Server: "nginx", HTTP: "80", Full: true}, `--http "80" is not host:port`, "such as"},
		{Options{Server: "lighttpd", KeepConn: true}, "--keep-conn has no effect on lighttpd-fastcgi", "nginx"},
		{Options{Server: "nginx", Target: "scgi://127.0.0.1:4000", KeepConn: true}, "--keep-conn has no effect on nginx-scgi", "nginx"},
		{Options{Server: "nginx", Target: "scgi+unix:/run/a", More: []string{"scgi+unix:/run/b"}}, "a second TARGET has no effect on nginx-scgi", "several"},
		{Options{Server: "fcgiwrap", Target: "cgi:/a", More: []string{"cgi:/b c"}}, "quote", "symbolic link"},
		{Options{Server: "systemd", Stream: true}, "--stream has no effect on systemd", "a web server"},
		{Options{Server: "systemd", Full: true}, "--full has no effect on systemd", "web servers"},
		{Options{Server: "fcgiwrap", Target: "fastcgi://127.0.0.1:9000"}, `"fastcgi://127.0.0.1:9000" is none`, "cgi:/usr/lib/cgi-bin"},
		{Options{Server: "systemd", Listen: []string{"cgi:/srv/cgi"}}, "nothing to listen on", "-l fastcgi+unix:"},
		{Options{Server: "systemd", EnvFile: "/etc/default/a", Target: "demo:"}, "TARGET beside --env-file has no effect", "CGIKIT_TARGET"},
		{Options{Server: "systemd", EnvFile: "a"}, `--env-file "a" is not an absolute path`, "folder"},
		{Options{Server: "systemd", Program: "cgikit"}, `--program "cgikit" is not an absolute path`, "folder"},
		{Options{Server: "docker", EnvFile: "/etc/default/a"}, "--env-file has no effect on docker.probe", "systemd"},
		{Options{Server: "nginx", Program: "/usr/bin/cgikit"}, "--program has no effect on nginx-fastcgi", "systemd"},
		{Options{Server: "docker", Listen: []string{"cgi:/srv/cgi"}}, "nothing to listen on", "-l http://"},
		{Options{Server: "php-fpm", Target: "scgi://127.0.0.1:4000"}, "php-fpm speaks FastCGI", "such as"},
		{Options{Server: "kubernetes", Target: "cgi:/srv/x"}, "a probe asks for", "such as"},
		{Options{Server: "nginx", Target: "demo:", Listen: []string{"fastcgi://127.0.0.1:9000"}}, "TARGET beside -l has no effect", "systemd"},
		{Options{Server: "nginx", Listen: []string{"fastcgi://127.0.0.1:1", "fastcgi://127.0.0.1:2"}}, "got 2 addresses", "balanced"},
		{Options{Server: "haproxy-fastcgi-balanced", Listen: []string{"fastcgi://10.0.0.1:1"}}, "status page of each process", "--metrics"},
		{Options{Server: "nginx-fastcgi-balanced", Listen: []string{"fastcgi+unix:/run/a.sock"}}, "not a socket", "such as"},
	} {
		var text bytes.Buffer
		err := Write(&text, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v; want %s, in one line", c.o, err, c.want)
			continue
		}
		if hint := cli.Hint(err); !strings.Contains(hint, c.hint) || strings.Contains(hint, "\n") || hint == "" {
			t.Errorf("%+v: got the hint %q; want %s", c.o, hint, c.hint)
		}
		if cli.Status(err) != cli.StatusUsage || text.Len() > 0 {
			t.Errorf("%+v: got exit status %d and %.100q; want 2 and no text", c.o, cli.Status(err), text.String())
		}
	}
}

// TestExplain: each line that people get wrong has a comment right before it.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		o             Options
		line, comment string
	}{
		{optionsFor("nginx-fastcgi"), "fastcgi_params", "REMOTE_USER"},
		{optionsFor("nginx-fastcgi"), "fastcgi_params", "HTTP_HOST"},
		{optionsFor("nginx-fastcgi"), "param SCRIPT_NAME", "SCRIPT_NAME"},
		{optionsFor("nginx-fastcgi"), "fastcgi_pass unix:", "mode 0660"},
		{optionsFor("nginx-scgi"), "scgi_params", "HTTP_HOST"},
		{optionsFor("nginx-scgi"), "scgi_params", "REMOTE_USER"},
		{Options{Server: "nginx", KeepConn: true}, "fastcgi_pass app", "php-fpm"},
		{Options{Server: "nginx", Stream: true}, "fastcgi_buffering off", "at once"},
		{optionsFor("nginx-http"), "proxy_set_header Host", "Host"},
		{optionsFor("nginx-php"), "SCRIPT_FILENAME", "File not found."},
		{optionsFor("nginx-php"), "location ~ (?s)", "PATH_INFO"},
		{optionsFor("apache2-fastcgi"), "CGIPassAuth", "Authorization"},
		{optionsFor("apache2-fastcgi"), "ProxyPass", "enablereuse"},
		{optionsFor("apache2-fastcgi"), "ProxyPass", "mode 0660"},
		{optionsFor("apache2-fastcgi"), "SCRIPT_NAME", "PATH_INFO"},
		{optionsFor("apache2-scgi"), "<Proxy ", "flushpackets"},
		{optionsFor("apache2-php"), "<FilesMatch \"(?:", "PATH_INFO"},
		{optionsFor("apache2-cgid"), "ScriptAlias", "executable"},
		{optionsFor("lighttpd-fastcgi"), "$HTTP", "underscore"},
		{optionsFor("lighttpd-scgi"), "$HTTP", "underscore"},
		{optionsFor("lighttpd-scgi"), `"socket"`, "mode 0660"},
		{optionsFor("lighttpd-fastcgi"), "fix-root-scriptname", "SCRIPT_NAME"},
		{optionsFor("haproxy-fastcgi"), "pass-header Authorization", "password"},
		{Options{Server: "haproxy", KeepConn: true}, "http-reuse", "php-fpm"},
		{optionsFor("haproxy-php"), "path-info", "File not found."},
		{optionsFor("caddy-fastcgi"), "env SCRIPT_NAME", "PATH_INFO"},
		{optionsFor("caddy-fastcgi"), "root /", "Authorization"},
		{optionsFor("systemd.socket"), "SocketUser", "0666"},
		{optionsFor("systemd.user-service"), "User=", "same user"},
		{optionsFor("systemd.service"), "KillMode", "CGI scripts"},
		{optionsFor("php-fpm.pool"), "listen.owner", "Permission denied"},
		{optionsFor("php-fpm.pool"), "pm.status_listen", "wait for a free process"},
		{optionsFor("php-fpm.conf"), "process_control_timeout", "SIGQUIT"},
		{optionsFor("php-fpm.pool"), "security.limit_extensions", "Access denied."},
		{optionsFor("docker.probe"), "STOPSIGNAL", "SIGQUIT"},
		{optionsFor("docker.probe"), "HEALTHCHECK", "--live"},
		{optionsFor("kubernetes.probes"), "livenessProbe:\n", "--live"},
	} {
		c.o.Explain = true
		text := write(t, c.o)
		if !explained(text, c.line, c.comment) {
			t.Errorf("%s: no comment with %q stands at %q:\n%.3000s", c.o.Server, c.comment, c.line, text)
		}
		c.o.Explain = false
		if len(write(t, c.o)) > len(text) {
			t.Errorf("%s: the text without --explain is longer", c.o.Server)
		}
	}
}

// explained reports whether a comment right before a line with the given text, or, in YAML, right
// after it, has the given words.
func explained(text, line, words string) bool {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		if strings.Contains(l, line) && !isComment(l) {
			around := ""
			for k := i - 1; k >= 0 && isComment(lines[k]); k-- {
				around = lines[k] + around
			}
			for k := i + 1; strings.HasSuffix(line, ":\n") && isComment(lines[k]); k++ {
				around += lines[k]
			}
			if strings.Contains(around, words) {
				return true
			}
		}
	}
	return false
}

func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";")
}

// TestValuesArriveInTheText: what the flags say stands in the text.
func TestValuesArriveInTheText(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Server: "php-fpm", Listen: []string{"fastcgi+unix:/run/a.sock?mode=0600&owner=joe&group=web"}}, "listen.owner = joe\nlisten.group = web\nlisten.mode = 0600\n"},
		{Options{Server: "php-fpm", Target: "fastcgi://127.0.0.1:9000"}, "pm.status_listen = 127.0.0.1:9001\n"},
		{Options{Server: "php-fpm", Target: "fastcgi://127.0.0.1:65535"}, "pm.status_listen = 127.0.0.1:65534\n"},
		{Options{Server: "php-fpm", SplitPath: []string{".php", ".phtml"}}, "security.limit_extensions = .php .phtml\n"},
		{Options{Server: "systemd", Listen: []string{"fastcgi+unix:/run/a.sock?group=web"}, Target: "cgi:/srv/x", Program: "/opt/cgikit"}, "SocketGroup=web\nSocketMode=0660\n"},
		{Options{Server: "systemd", Listen: []string{"scgi+unix:/run/a.sock"}, Target: "cgi:/srv/x", Program: "/opt/cgikit"}, "ExecStart=/opt/cgikit serve -l scgi+systemd:cgikit cgi:/srv/x\n"},
		{Options{Server: "fcgiwrap", Program: "/opt/cgikit"}, "ExecStart=/opt/cgikit serve -l fastcgi+systemd:fcgiwrap --stderr server --inherit-env HOME cgi:/usr/lib/cgi-bin\n"},
		{Options{Server: "fcgiwrap", Target: "cgi:/a", More: []string{"cgi:/b", "cgi:/c"}}, " cgi:/a cgi:/b cgi:/c\n"},
		{Options{Server: "fcgiwrap"}, "ListenStream=/run/fcgiwrap.socket\n"},
		{Options{Server: "systemd.fcgiwrap-socket", Listen: []string{"fastcgi+unix:/run/a.sock?group=web"}}, "ListenStream=/run/a.sock\nFileDescriptorName=fcgiwrap\nSocketUser=root\nSocketGroup=web\n"},
		{Options{Server: "fcgiwrap", EnvFile: "/etc/default/fcgiwrap"}, "EnvironmentFile=-/etc/default/fcgiwrap\n"},
		{Options{Server: "systemd", Listen: []string{"http://127.0.0.1:80"}}, "ListenStream=127.0.0.1:80\n"},
		{Options{Server: "systemd", Listen: []string{"fastcgi+unix:/run/a.sock?group=web"}}, "SupplementaryGroups=web\n"},
		{Options{Server: "systemd.service", EnvFile: "/etc/default/a", Program: "/usr/bin/cgikit"},
			"[Service]\nEnvironmentFile=-/etc/default/a\nExecStart=/usr/bin/cgikit serve\nRestartPreventExitStatus=2\n"},
		{Options{Server: "systemd.socket", EnvFile: "/etc/default/a"}, "Description=Socket of cgikit serve with the settings of /etc/default/a\n"},
		{Options{Server: "docker", Listen: []string{"http://0.0.0.0:80"}, Target: "files:/srv"}, `CMD ["files:/srv"]`},
		{Options{Server: "docker", Listen: []string{"http://0.0.0.0:80"}}, `"http://127.0.0.1:80"]`},
		{Options{Server: "docker", Target: "scgi+unix:/run/a.sock?mode=0600"}, `"scgi+unix:/run/a.sock"]`},
		{Options{Server: "nginx", Full: true, ServerName: "example.org", HTTP: "127.0.0.1:81"}, "listen 127.0.0.1:81;\n\t\tserver_name example.org;\n"},
		{Options{Server: "haproxy", ServerName: "example.org"}, "set-param SERVER_NAME example.org\n"},
		{Options{Server: "nginx-fastcgi-balanced", Listen: []string{"fastcgi://10.0.0.1:1", "fastcgi://10.0.0.2:1"}}, "server 10.0.0.2:1 "},
		{Options{Server: "haproxy-fastcgi-balanced", Listen: []string{"fastcgi://10.0.0.1:1", "http://10.0.0.1:2"}}, "server app0 10.0.0.1:1 addr 10.0.0.1 port 2 "},
		{Options{Server: "nginx", Target: "fastcgi://[::]:9000"}, "fastcgi_pass [::1]:9000;"},
		{Options{Server: "apache2", Full: true, HTTP: "[::1]:8080"}, "Listen [::1]:8080\nServerName localhost:8080\n"},
		{Options{Server: "lighttpd", Full: true, HTTP: "[::1]:8080"}, "server.bind = \"[::1]\"\nserver.port = 8080\n"},
		{Options{Server: "caddy", Full: true, HTTP: "[::1]:8080"}, "http://[::1]:8080 {\n\tbind ::1\n"},
		{Options{Server: "apache2", Target: "fastcgi://127.0.0.1:9000"}, "# This needs: a2enmod proxy proxy_fcgi\n"},
	} {
		if got := write(t, c.o); !strings.Contains(got, c.want) {
			t.Errorf("%+v: got %.3000s; want %q in it", c.o, got, c.want)
		}
	}
}

// broken fails each write.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestWriteFails(t *testing.T) {
	for _, e := range List() {
		if err := Write(broken{}, optionsFor(e.Name)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v; want the error of the writer", e.Name, err)
		}
	}
}
