//go:build unix

package cgi_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/util"
)

// interpreted returns a script of that text, named name, for an interpreter of the machine.
func interpreted(t *testing.T, interpreter, name, text string) *cgi.Script {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	writeScript(t, path, "#!"+webserver.Find(t, interpreter)+"\n"+text, 0o755)
	return &cgi.Script{Path: path}
}

// printenvPerl does what the script of that name does that Apache brings.
const printenvPerl = `print "Content-type: text/plain; charset=iso-8859-1\n\n";
foreach my $var (sort(keys(%ENV))) {
    my $val = $ENV{$var};
    $val =~ s|\n|\\n|g;
    $val =~ s|"|\\"|g;
    print "${var}=\"${val}\"\n";
}
`

func TestPerlPrintenv(t *testing.T) {
	s := interpreted(t, "perl", "printenv.pl", printenvPerl)
	r := request("GET", nil)
	r.Environ.Set("HTTP_X_LINES", "a\nb\"c")
	resp, body, err := fetch(t, s, r)
	if err != nil || resp.Headers.Get("Content-Type") != "text/plain; charset=iso-8859-1" {
		t.Fatalf("got %+v, %v", resp, err)
	}
	for _, want := range []string{`GATEWAY_INTERFACE="CGI/1.1"`, `HTTP_X_LINES="a\nb\"c"`, `QUERY_STRING=""`, `REQUEST_METHOD="GET"`} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s in:\n%s", want, body)
		}
	}
}

func TestPythonForm(t *testing.T) {
	s := interpreted(t, "python3", "form.py", `import os, sys
body = sys.stdin.buffer.read(int(os.environ["CONTENT_LENGTH"]))
print("Status: 201 Made")
print("Content-Type: text/plain; charset=utf-8")
print()
print(len(body), body.decode(), flush=True)
print("from python", file=sys.stderr)
`)
	r := request("POST", []byte("name=caf\u00e9"))
	var log strings.Builder
	r.Stderr = &log
	resp, body, err := fetch(t, s, r)
	if err != nil || resp.Status != "201 Made" || body != "10 name=caf\u00e9\n" || log.String() != "from python\n" {
		t.Errorf("got %+v, %q, %v, log %q", resp, body, err, log.String())
	}
}

// TestNPHDripfeed: C37, a whole HTTP response that comes drop by drop and is not waited for.
func TestNPHDripfeed(t *testing.T) {
	s := interpreted(t, "perl", "nph-dripfeed.pl", `$| = 1;
print "HTTP/1.1 203 As It Is\r\nContent-Type: text/plain\r\nServer: drip\r\n\r\n";
foreach my $n (1..5) { print "drop $n\n"; my $go = <STDIN>; }
`)
	stdin, client := io.Pipe()
	r := request("POST", []byte("1\n2\n3\n4\n5\n"))
	r.Stdin = stdin
	resp, body := begin(t, s, r)
	if resp.Status != "203 As It Is" || resp.Headers.Get("Server") != "drip" {
		t.Errorf("got %+v; want the status line and the fields", resp)
	}
	for _, want := range []string{"drop 1", "drop 2", "drop 3", "drop 4", "drop 5"} {
		if got := line(t, body); got != want { // each is only sent when the one before was seen
			t.Errorf("got %q; want %q", got, want)
		}
		if _, err := io.WriteString(client, want[5:]+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil {
		t.Errorf("got %q, %v; want the end", rest, err)
	}
}

// TestNPHServe runs both sides of an nph script: Serve sends what has no length in chunks, and a
// broken answer without the last.
func TestNPHServe(t *testing.T) {
	for _, test := range []struct {
		name, app, want string
		bad             bool
	}{
		{"small", "hello", "Hello\n", false},
		{"chunked", "option-nph", "begun\nmore", false},
		{"large", "big", strings.Repeat("x", big), false},
		{"broken", "panic-after", "begun\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "nph-app")
			if err := os.Symlink(executable(t), path); err != nil {
				t.Fatal(err)
			}
			s := script(t, test.app)
			// the chunks alone are to tell
			s.Path, s.Env = path, append(s.Env, "CGIKIT_STRICT_EXIT=")
			r := request("GET", nil)
			r.Environ.Set("SCRIPT_NAME", "/nph-app")
			resp, body, err := fetch(t, s, r)
			if body != test.want || test.bad == (err == nil) {
				t.Errorf("got %.100q, %v; want %.100q, broken %t", body, err, test.want, test.bad)
			}
			if resp.Status != "200 OK" || resp.Headers.Has("Transfer-Encoding") {
				t.Errorf("got %q, %v", resp.Status, resp.Headers)
			}
		})
	}
}

// TestPHP runs PHP's own CGI program, which wants REDIRECT_STATUS and SCRIPT_FILENAME, and whose
// query could once be arguments (CVE-2012-1823, CVE-2024-4577).
func TestPHP(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.php")
	text := `<?php header("X-Page: 1"); http_response_code(202); echo $_SERVER["QUERY_STRING"], "|", $_POST["a"] ?? "", "|", file_get_contents("php://input");`
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &cgi.Script{Path: webserver.Find(t, "php-cgi"), Env: []string{"REDIRECT_STATUS=200"}}
	for _, query := range []string{"x=1", "-s", "%ADs", "-d+allow_url_include%3d1+-d+auto_prepend_file%3dphp://input"} {
		r := request("POST", []byte("a=b"))
		r.Environ.Set("SCRIPT_FILENAME", page)
		r.Environ.Set("QUERY_STRING", query)
		r.Environ.Set("CONTENT_TYPE", "application/x-www-form-urlencoded")
		resp, body, err := fetch(t, s, r)
		if want := query + "|b|a=b"; err != nil || body != want || resp.Headers.Get("X-Page") != "1" || !strings.HasPrefix(resp.Status, "202") {
			t.Errorf("%s: got %+v, %.200q, %v; want %q", query, resp, body, err, want)
		}
	}
}

// TestPHPScript: a script that php-cgi runs by its first line. php-cgi goes by SCRIPT_FILENAME, not
// by its arguments.
func TestPHPScript(t *testing.T) {
	root := t.TempDir()
	text := "#!" + webserver.Find(t, "php-cgi") + "\n" + `<?php echo $_SERVER["SCRIPT_NAME"], "|", $_SERVER["PATH_INFO"] ?? "", "|", __FILE__;`
	path := filepath.Join(root, "page")
	writeScript(t, path, text, 0o755)
	run := cgi.Script{Path: path, Env: []string{"REDIRECT_STATUS=200"}}
	for name, test := range map[string]struct {
		backend gateway.Backend
		environ map[string]string
		want    string
	}{
		"Script":                {&run, map[string]string{"SCRIPT_NAME": "/app"}, "/app|"},
		"Script with PATH_INFO": {&run, map[string]string{"SCRIPT_NAME": "/app", "PATH_INFO": "/a/b"}, "/app|/a/b"},
		"Dir":                   {&cgi.Dir{Path: root, Script: cgi.Script{Env: run.Env}}, map[string]string{"PATH_INFO": "/page/a"}, "/page|/a"},
	} {
		test.environ["REQUEST_METHOD"] = "GET"
		_, body, err := fetch(t, test.backend, &gateway.Request{Environ: util.EnvironFromMap(test.environ)})
		if want := test.want + "|" + path; err != nil || body != want {
			t.Errorf("%s: got %.300q, %v; want %q", name, body, err, want)
		}
	}
}

// TestPHPFatalError: php-cgi ends with status 255 then, after a complete response, which Apache
// delivers.
func TestPHPFatalError(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.php")
	text := `<?php ini_set("display_errors", "0"); ini_set("log_errors", "0"); echo "before"; noSuchFunction();`
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &cgi.Script{Path: webserver.Find(t, "php-cgi"), Env: []string{"REDIRECT_STATUS=200"}}
	r := request("GET", nil)
	r.Environ.Set("SCRIPT_FILENAME", page)
	var log strings.Builder
	r.Stderr = &log
	resp, body, err := fetch(t, s, r)
	if body != "before" || err != nil || resp.ExitStatus != 255 {
		t.Errorf("got %q, %v, %+v; want before, exit status 255", body, err, resp)
	}
	if want := fmt.Sprintf("cgi: %q: exit status 255\n", s.Path); log.String() != want {
		t.Errorf("got the log %q; want %q", log.String(), want)
	}
}
