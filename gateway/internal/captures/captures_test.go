package captures

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const example = `server: nginx/1.22.1
configuration: nginx-fastcgi
mount: /app
stock: true

request: GET /app/x?y=z
SCRIPT_NAME=/app/x
CONTENT_LENGTH=
QUERY_STRING=y=z
SCRIPT_NAME=/app

request: POST /app/x
REQUEST_METHOD=POST
`

func TestParse(t *testing.T) {
	c, err := parse(example)
	if err != nil {
		t.Fatal(err)
	}
	if c.Server != "nginx/1.22.1" || c.Configuration != "nginx-fastcgi" || c.Mount != "/app" || !c.Stock || len(c.Requests) != 2 {
		t.Errorf("got %+v", c)
	}
	r := c.Requests[0]
	if r.Line != "GET /app/x?y=z" || r.Environ.Len() != 4 || r.Environ.Get("SCRIPT_NAME") != "/app" || r.Environ.Get("QUERY_STRING") != "y=z" {
		t.Errorf("got %q with %q; want four variables, the second SCRIPT_NAME behind the first", r.Line, r.Environ.List())
	}
	if _, ok := r.Environ.Lookup("CONTENT_LENGTH"); !ok {
		t.Error("an empty variable got lost")
	}
	if got := c.String(); got != example {
		t.Errorf("written again: got\n%s\nwant\n%s", got, example)
	}
}

func TestParseRefuses(t *testing.T) {
	const head, request = "server: a\nconfiguration: b\n", "\nrequest: GET /\nA=b\n"
	if _, err := parse(head + request); err != nil {
		t.Fatalf("the least that is right: %v", err)
	}
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "unknown line"},
		{"no server", "configuration: b\n" + request, "required"},
		{"no configuration", "server: a\n" + request, "required"},
		{"no request", "server: a\nconfiguration: b", "required"},
		{"unknown key", head + "sever: x\n" + request, `unknown line "sever: x"`},
		{"key without a value", head + "mount: \n" + request, "unknown line"},
		{"stock is said or not", head + "stock: false\n" + request, "unknown line"},
		{"key twice", head + "server: x\n" + request, `"server" twice`},
		{"variables without a request", head + "\nA=b\n", "no request"},
		{"request without variables", head + "\nrequest: GET /\n", "no request"},
		{"no variable", head + request + "word\n", `no variable: "word"`},
		{"variable without a name", head + request + "=x\n", "no variable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if c, err := parse(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v; want an error with %q", c, err, test.want)
			}
		})
	}
}

func TestLoadFails(t *testing.T) {
	for _, test := range []struct {
		name string
		load func(t testing.TB)
	}{
		{"an empty folder", func(t testing.TB) { Load(t, t.TempDir()) }},
		{"no such capture", func(t testing.TB) { Environ(t, dir, "ngnix-scgi", "GET /") }},
		{"no such request", func(t testing.TB) { Environ(t, dir, "nginx-scgi", "GET /nowhere") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() { // Fatal ends this goroutine
				defer close(done)
				test.load(r)
			}()
			<-done
			if !r.failed {
				t.Error("the test that asked for it was not failed")
			}
		})
	}
}

func TestEnvironIsTheCallersOwn(t *testing.T) {
	const line = "GET " + target
	Environ(t, dir, "nginx-scgi", line).Set("REQUEST_METHOD", "PUT")
	if got := Environ(t, dir, "nginx-scgi", line).Get("REQUEST_METHOD"); got != "GET" {
		t.Errorf("got %q; want GET", got)
	}
}

// The SCRIPT_NAME and PATH_INFO of an application mounted at /app, with nginx's stock files.
func ExampleEnviron() {
	t := &testing.T{} // a test has its own
	for _, name := range []string{"nginx-fastcgi-stock-mounted", "nginx-scgi-stock-mounted", "nginx-fastcgi-mounted"} {
		e := Environ(t, "../../../testdata/environ", name, "GET /app/a%2cb//c?x=1%20y")
		fmt.Printf("%s: %q %q\n", name, e.Get("SCRIPT_NAME"), e.Get("PATH_INFO"))
	}
	// Output:
	// nginx-fastcgi-stock-mounted: "/app/a,b//c" ""
	// nginx-scgi-stock-mounted: "" ""
	// nginx-fastcgi-mounted: "/app" "/a,b//c"
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Fatal(...any)          { r.fail() }
func (r *recorder) Fatalf(string, ...any) { r.fail() }

func (r *recorder) fail() {
	r.failed = true
	runtime.Goexit()
}
