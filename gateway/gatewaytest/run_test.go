package gatewaytest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

func TestTransports(t *testing.T) {
	t.Parallel()
	for _, mount := range []string{"", "/app"} {
		var plain, local Answers
		t.Run("http"+mount, func(t *testing.T) {
			tr := HTTP(mount)
			tr.Answers = &plain
			Run(t, tr)
		})
		t.Run("local"+mount, func(t *testing.T) {
			Run(t, Transport{Answers: &local, Start: func(t testing.TB, app gateway.App) string {
				return FrontEnd(t, gateway.Local(app), mount)
			}})
		})
		t.Run("compare"+mount, func(t *testing.T) { plain.Compare(t, &local) })
	}
}

// TestHTTPS runs the suite over TLS, where the scheme is https.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	Run(t, Transport{Start: func(t testing.TB, app gateway.App) string {
		s := httptest.NewTLSServer(served(app))
		t.Cleanup(s.Close)
		return s.URL + "/app"
	}})
}

// TestCheckOutcome checks that a failure cites the rule, and that excluded cases must fail.
func TestCheckOutcome(t *testing.T) {
	c := Case{Name: "x", Rule: "a rule (RFC 3875)"}
	for _, test := range []struct {
		name, reason string
		failures     []string
		want         string
	}{
		{"passed", "", nil, ""},
		{"failed", "", []string{"got a; want b"}, "got a; want b\nrule: a rule (RFC 3875)"},
		{"excluded", "server/1.0 cannot", []string{"got a; want b"}, ""},
		{"excluded but passed", "server/1.0 cannot", nil, "remove it from the list: server/1.0 cannot"},
	} {
		if got := checkOutcome(c, test.failures, test.reason); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q; want %q", test.name, got, test.want)
		}
	}
}

// TestFatalExclusions checks that a case that would crash the server under test does not run.
func TestFatalExclusions(t *testing.T) {
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer s.Close()
	tr := Transport{Start: func(testing.TB, gateway.App) string { return s.URL }}
	for _, c := range Cases() {
		tr.Exclusions = append(tr.Exclusions, Exclusion{Case: c.Name, Reason: "server/1.0 crashes", Fatal: true})
	}
	Run(t, tr)
	if asked {
		t.Error("a case that is fatal ran")
	}
}
