package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// runIdentified runs app with the given X-Request-ID. It returns the response and the error stream.
func runIdentified(t testing.TB, sent string, app gateway.App, more ...string) (response, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := util.EnvironFromList(append([]string{"REQUEST_METHOD=GET", "REQUEST_URI=/x"}, more...))
	if sent != "" {
		e.Add("HTTP_X_REQUEST_ID", sent)
	}
	h := gateway.BaseCGIHandler{Environ: e, Stdout: &out, Stderr: &errs}
	if err := h.Run(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String()
}

// showID answers with the variable and with ID.
var showID = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Headers().Add("Content-Type", "text/plain")
	w.Headers().Add("X-Request-ID", "another") // such as that of a backend
	_, err := fmt.Fprintf(w, "%s %s", r.Environ.Get("HTTP_X_REQUEST_ID"), r.ID())
	return err
})

// idIn returns the id in the field of a response, which must be there once.
func idIn(t testing.TB, response string) string {
	t.Helper()
	found := regexp.MustCompile(`(?mi)^X-Request-ID: (.*)\r$`).FindAllStringSubmatch(response, -1)
	if len(found) != 1 {
		t.Fatalf("%d fields X-Request-ID in %.500q; want 1", len(found), response)
	}
	return found[0][1]
}

var randomID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestIdentify(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"UUID", "7b3bf470-9456-11e8-9eb6-529269fb1459", true},
		{"all bytes", "azAZ09-._~+/=:", true},
		{"one byte", "a", true},
		{"the longest", strings.Repeat("a", 128), true},
		{"too long", strings.Repeat("a", 129), false},
		{"space", "a b", false},
		{"two fields", "a, b", false},
		{"quote", `a"b`, false},
		{"control character", "a\x1bb", false},
		{"not ASCII", "é", false},
		{"bracket", "a[b", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response, _ := runIdentified(t, tt.sent, gateway.Identify(showID))
			id := idIn(t, response)
			if tt.kept && id != tt.sent || !tt.kept && !randomID.MatchString(id) {
				t.Errorf("got %q for %.150q; kept %t", id, tt.sent, tt.kept)
			}
			if want := id + " " + id; !strings.HasSuffix(response, "\r\n\r\n"+want) {
				t.Errorf("got %.500q; want a body %q", response, want)
			}
		})
	}
}

func TestIdentifyIsRandom(t *testing.T) {
	first, _ := runIdentified(t, "", gateway.Identify(showID))
	second, _ := runIdentified(t, "", gateway.Identify(showID))
	if a, b := idIn(t, first), idIn(t, second); a == b {
		t.Errorf("two requests have the id %s", a)
	}
}

func TestNotIdentified(t *testing.T) {
	response, _ := runIdentified(t, "a", showID)
	if id := idIn(t, response); id != "another" || !strings.HasSuffix(response, "\r\n\r\na ") {
		t.Errorf("got %.500q; want only what the App sets, and no ID", response)
	}
}

// TestIdentifyErrorPages: the page and the log line of a failure have the id, also if the App was
// not called.
func TestIdentifyErrorPages(t *testing.T) {
	failing := gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return errors.New("it failed") })
	for _, tt := range []struct {
		name   string
		app    gateway.App
		more   []string
		status string
	}{
		{"error", failing, nil, "500"},
		{"panic", gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { panic("it failed") }), nil, "500"},
		{"refused", failing, []string{"CONTENT_LENGTH=x"}, "400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response, stderr := runIdentified(t, "the-id", gateway.Identify(tt.app), tt.more...)
			if !strings.HasPrefix(response, "Status: "+tt.status) || idIn(t, response) != "the-id" {
				t.Errorf("got %.500q; want status %s with the id", response, tt.status)
			}
			if !strings.Contains(stderr, `"GET" "/x" request_id=the-id: `) {
				t.Errorf("logged %.500q; want the id", stderr)
			}
		})
	}
}

// TestIdentifyInside: the field is there if another App wraps the result of Identify.
func TestIdentifyInside(t *testing.T) {
	inner := gateway.Identify(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("Content-Type", "text/plain")
		return w.Start("204 No Content")
	}))
	response, _ := runIdentified(t, "the-id", gateway.Watch(inner, func(a *gateway.Access) {
		if a.Request.ID() != "the-id" {
			t.Errorf("the access log has the id %q", a.Request.ID())
		}
	}))
	if id := idIn(t, response); id != "the-id" {
		t.Errorf("got %q", id)
	}
}

// The id that a web server sends goes to the App and to the response. Without one, it would be 32
// random hexadecimal digits.
func ExampleIdentify() {
	app := gateway.Identify(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("Content-Type", "text/plain")
		_, err := fmt.Fprintf(w, "request %s\n", r.ID())
		return err
	}))
	run := gateway.BaseCGIHandler{
		Environ: util.EnvironFromList([]string{"REQUEST_METHOD=GET", "HTTP_X_REQUEST_ID=7b3bf470"}),
		Stdout:  crlf{os.Stdout},
	}
	if err := run.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Status: 200 OK
	// Content-Type: text/plain
	// Content-Length: 17
	// X-Request-ID: 7b3bf470
	//
	// request 7b3bf470
}
