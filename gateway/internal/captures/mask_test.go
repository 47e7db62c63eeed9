package captures

import (
	"regexp"
	"testing"
)

// masks match the values that may differ between two runs, or between two machines with the same
// server.
var masks = []struct {
	what    string
	pattern *regexp.Regexp
	by      string
}{
	{"the server's version is its file's header, and not what its variables are compared for",
		regexp.MustCompile(`(?m)^(server: |SERVER_SOFTWARE=)([A-Za-z]+)[/ ][0-9].*$`), "${1}${2}/VERSION"},
	{"free ports are picked by the system: the server's, the application's, the client's",
		regexp.MustCompile(`(?m)127\.0\.0\.1:\d+|^((?:SERVER|REMOTE)_PORT)=\d+$`), "${1}PORT"},
	{"the folder of the server's files is made for the run, wherever the system has such folders",
		regexp.MustCompile(`[^=:\s]*/cgikit-\d+`), "DIR"},
	{"the program is the test's own, whose name is up to the go command",
		regexp.MustCompile(`DIR/bin/[^/\s]+`), "DIR/bin/PROGRAM"},
	{"the search path is the one that the server was started with, or its built-in one",
		regexp.MustCompile(`(?m)^(PATH)=.*$`), "${1}=SEARCH"},
	{"nginx's document root, and Apache's sign and address of the administrator, are up to the distribution",
		regexp.MustCompile(`(?m)^(DOCUMENT_ROOT|SERVER_ADMIN|SERVER_SIGNATURE)=.*$`), "${1}=ANY"},
}

func mask(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.by)
	}
	return text
}

func TestMask(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"version in the header", "server: nginx/1.22.1\nmount: /app", "server: nginx/VERSION\nmount: /app"},
		{"version in a variable", "SERVER_SOFTWARE=Apache/2.4.71 (Debian)", "SERVER_SOFTWARE=Apache/VERSION"},
		{"HAProxy's version", "SERVER_SOFTWARE=HAProxy 2.6.12-1+deb12u4", "SERVER_SOFTWARE=HAProxy/VERSION"},
		{"ports", "SERVER_PORT=80\nREMOTE_PORT=4711", "SERVER_PORTPORT\nREMOTE_PORTPORT"},
		{"a port of another kind stays", "HTTP_X_PORT=80", "HTTP_X_PORT=80"},
		{"host with port", "HTTP_HOST=127.0.0.1:4711", "HTTP_HOST=PORT"},
		{"an address stays", "SERVER_ADDR=127.0.0.1", "SERVER_ADDR=127.0.0.1"},
		{"address in a file name", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:9000/app/a", "SCRIPT_FILENAME=proxy:fcgi://PORT/app/a"},
		{"folder", "PATH_TRANSLATED=/tmp/cgikit-12/a", "PATH_TRANSLATED=DIR/a"},
		{"folder of another system", "PATH_TRANSLATED=/var/folders/x/T/cgikit-12/a", "PATH_TRANSLATED=DIR/a"},
		{"program", "SCRIPT_FILENAME=/tmp/cgikit-12/bin/captures.test", "SCRIPT_FILENAME=DIR/bin/PROGRAM"},
		{"program with a path behind it", "SCRIPT_FILENAME=/tmp/cgikit-12/bin/x.test/a/b", "SCRIPT_FILENAME=DIR/bin/PROGRAM/a/b"},
		{"search path", "PATH=/bin\nPATH_INFO=/a", "PATH=SEARCH\nPATH_INFO=/a"},
		{"what the application goes by stays", "SCRIPT_NAME=/app\nPATH_INFO=/a,b//c", "SCRIPT_NAME=/app\nPATH_INFO=/a,b//c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mask(test.in); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}
