package webserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/testdata/conf"
)

// row is a configuration and the network of the application, or "" if the server starts a program.
type row struct{ template, network string }

func rows() []row {
	var all []row
	for _, name := range conf.Names() {
		if faulty(name) || strings.HasSuffix(name, "-php") { // those of a site in PHP are tested in php_test.go
			continue
		}
		if startsProgram(name) {
			all = append(all, row{name, ""})
			continue
		}
		all = append(all, row{name, "tcp"})
		if !balances(name) {
			all = append(all, row{name, "unix"})
		}
	}
	return all
}

// faulty are the configurations with a mistake that gateway.Profiles corrects. Package captures
// tests what their servers send.
func faulty(template string) bool {
	return strings.HasSuffix(template, "-plain") || strings.HasSuffix(template, "-redirect")
}

func startsProgram(template string) bool {
	return strings.HasSuffix(template, "-cgi") || strings.HasSuffix(template, "-cgid") || strings.HasSuffix(template, "-spawn")
}

func balances(template string) bool { return strings.HasSuffix(template, "-balanced") }

// config returns the Config of the row.
func (r row) config(t *testing.T, mount string) Config {
	c := Config{Template: r.template, Mount: mount}
	switch {
	case r.network == "":
		c.Program = executable(t)
		c.Env = map[string]string{
			"TEST_VALUE": "a value", "WEBSERVER_TEST_SPAWNED": "1",
			// a program built with -race would sleep for a second before each exit
			"GORACE": "atexit_sleep_ms=0",
		}
	case balances(r.template): // one of the two processes does not exist
		free, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		there := backend(t, r.network, app.FastCGI).String()
		c.Processes = []conf.Process{{Address: free, Health: free}, {Address: there, Health: health(t)}}
	case strings.HasSuffix(r.template, "-http"):
		c.Backend = backend(t, r.network, serveHTTP(mount))
	case strings.Contains(r.template, "scgi"):
		c.Backend = backend(t, r.network, app.SCGI)
	case strings.Contains(r.template, "uwsgi"):
		c.Backend = backend(t, r.network, serveUwsgi)
	default:
		c.Backend = backend(t, r.network, app.FastCGI)
	}
	return c
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEveryConfiguration checks that the server of each row answers requests, and that no file and
// no process is left after it.
func TestEveryConfiguration(t *testing.T) {
	for _, r := range rows() {
		for _, mount := range []string{"", "/app"} {
			name := fmt.Sprintf("%s %s mounted at %q", r.template, r.network, mount)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var s *Server
				t.Run("serves", func(t *testing.T) {
					s = Start(t, r.config(t, mount))
					checkMount(t, s, r, mount)
					checkLimits(t, s, r)
					if mount != "" {
						checkOutside(t, s)
					}
				})
				if s != nil {
					checkGone(t, name, s)
				}
			})
		}
	}
}

// checkMount checks C3 and C15: SCRIPT_NAME is the mount, PATH_INFO the decoded rest. It also
// checks that the configurations let Authorization through.
func checkMount(t *testing.T, s *Server, r row, mount string) {
	t.Helper()
	for path, info := range map[string]string{"/": "/", "/a%2cb/%252c?x=y": "/a,b/%2c", "/%E3%81%82%20b?x=y": "/\u3042 b", "/a%2Fb": "/a/b"} {
		_, query, _ := strings.Cut(path, "?")
		resp, body := get(t, s.URL+path, "Authorization", "Basic eDp5")
		want := fmt.Sprintf("SCRIPT_NAME=%q PATH_INFO=%q QUERY_STRING=%q HTTP_AUTHORIZATION=%q", mount, info, query, "Basic eDp5")
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, want) {
			t.Errorf("%s: got %s, %s; want %s", path, resp.Status, body, want)
		}
	}
	if _, body := get(t, s.URL+"/", "", ""); r.network == "" && !strings.HasSuffix(body, `TEST_VALUE="a value"`) {
		t.Errorf("the program was not given Config.Env: %s", body)
	}
}

// checkLimits checks that a request field of 20,000 bytes and a response head of 60,000 arrive.
func checkLimits(t *testing.T, s *Server, r row) {
	t.Helper()
	want := "X-Big: 20000"
	if r.template == "apache2-fastcgi" {
		// mod_proxy_fcgi leaves out what does not fit 16,384 bytes: AH02536, seen with Apache
		// 2.4.71
		want = "X-Big: 0"
	}
	resp, body := get(t, s.URL+"/", "X-Big", strings.Repeat("b", 20_000))
	if !strings.Contains(body, want+" ") {
		t.Errorf("got %s, %q; want %s", resp.Status, body, want)
	}
	length := 6000
	if strings.HasPrefix(r.template, "haproxy-fastcgi") {
		length = 60
	}
	for i := range 10 {
		if name := fmt.Sprintf("X-Answer-%d", i); len(resp.Header.Get(name)) != length {
			t.Errorf("%s: got %d bytes; want %d", name, len(resp.Header.Get(name)), length)
		}
	}
}

// checkOutside checks that a path that only begins like the mount does not reach the application.
func checkOutside(t *testing.T, s *Server) {
	t.Helper()
	for _, path := range []string{"/other", "/apple"} {
		if resp, body := get(t, "http://"+s.Addr+path, "", ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %s, %.100q; want 404", path, resp.Status, body)
		}
	}
}

func get(t *testing.T, url, name, value string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		req.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startLimit}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestStockParameters(t *testing.T) {
	for name, want := range map[string]string{
		"nginx-fastcgi": `SCRIPT_NAME="/app/x" PATH_INFO=""`,
		"nginx-scgi":    `SCRIPT_NAME="" PATH_INFO=""`, // S15
	} {
		t.Run(name, func(t *testing.T) {
			c := row{name, "tcp"}.config(t, "/app")
			c.Stock = true
			if _, body := get(t, Start(t, c).URL+"/x", "", ""); !strings.HasPrefix(body, want) {
				t.Errorf("got %s; want %s", body, want)
			}
		})
	}
}

func TestBufferedConfigurationsServe(t *testing.T) {
	t.Parallel()
	for _, r := range rows() {
		t.Run(r.template+" "+r.network, func(t *testing.T) {
			t.Parallel()
			c := r.config(t, "")
			c.Buffered = true
			if resp, body := get(t, Start(t, c).URL+"/", "", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("got %s, %.100q; want 200", resp.Status, body)
			}
		})
	}
}

func checkGone(t *testing.T, name string, s *Server) {
	t.Helper()
	if _, err := os.Stat(s.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: the folder %s is still there: %v", name, s.Dir, err)
	}
	if s.process.groupLives() {
		t.Errorf("%s: a process of the group %d is still there", name, s.process.pid())
	}
	// Another test may have the port for a while.
	for end := time.Now().Add(3 * startLimit); ; time.Sleep(pause) {
		l, err := net.Listen("tcp", s.Addr)
		if err == nil {
			l.Close()
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s: the port is still taken: %v", name, err)
			return
		}
	}
}

func TestLostPort(t *testing.T) {
	t.Parallel()
	for _, template := range []string{"nginx-scgi", "lighttpd-scgi", "apache2-scgi", "haproxy-fastcgi"} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			picked := 0
			s := start(t, row{template, "tcp"}.config(t, ""), func() (string, error) {
				if picked++; picked == 1 {
					return taken.Addr().String(), nil
				}
				return freePort()
			})
			if picked != 2 || s.Addr == taken.Addr().String() {
				t.Errorf("got %s after %d attempts; want another port than %s after 2", s.Addr, picked, taken.Addr())
			}
			if resp, _ := get(t, s.URL+"/", "", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("got %s; want 200", resp.Status)
			}
		})
	}
}

func TestStartFails(t *testing.T) {
	somewhere := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	for _, test := range []struct {
		name   string
		server string // programs that the case needs
		config Config
		want   string
	}{
		{"misspelt template", "", Config{Template: "ngnix-scgi", Backend: somewhere}, `no template "ngnix-scgi"`},
		{"neither backend nor program", "", Config{Template: "nginx-scgi"}, "set one of Backend, Processes and Program"},
		{"both", "", Config{Template: "nginx-scgi", Backend: somewhere, Program: "x"}, "set one of Backend, Processes and Program"},
		{"no such program", "lighttpd", Config{Template: "lighttpd-cgi", Program: "/no/such/program"}, "/no/such/program"},
		{"the server refuses its configuration", "nginx", Config{Template: "nginx-scgi", Mount: "/a\"b", Backend: somewhere}, "[emerg]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.server != "" {
				Find(t, test.server)
			}
			r := record(t, func(tb testing.TB) { Start(tb, test.config) })
			if !r.failed || !strings.Contains(r.said, test.want) {
				t.Errorf("got failed %t, %q; want a failure with %q", r.failed, r.said, test.want)
			}
		})
	}
}
