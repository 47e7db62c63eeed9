package validate_test

import (
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/validate"
)

// tally collects the broken rules of each side.
type tally struct {
	mu    sync.Mutex
	rules map[validate.Side]map[string]bool
}

func (c *tally) report(v *validate.Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rules == nil {
		c.rules = map[validate.Side]map[string]bool{validate.SideGateway: {}, validate.SideApp: {}}
	}
	c.rules[v.Rule.Side][v.Rule.ID] = true
}

// wantOnly fails the test if a broken rule is not in the list, or if the list is not empty and no
// rule in it is broken.
func (c *tally) wantOnly(t *testing.T, side validate.Side, list []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for rule := range c.rules[side] {
		if !slices.Contains(list, rule) {
			t.Errorf("the %s breaks %s", side, rule)
		}
	}
	if len(list) > 0 && len(c.rules[side]) == 0 {
		t.Errorf("the %s breaks no rule at all; want some of %q", side, list)
	}
}

// methodOfTheSuite is the one rule that a request of the suite breaks: the suite sends the method
// PURGE.
var methodOfTheSuite = []string{"environ.unusual-method"}

// faultsOfTheSuite are the rules that the suite's App breaks on purpose.
var faultsOfTheSuite = []string{
	"response.body-not-allowed", // 204, 304
	"response.content-type",     // no-content-type, and most other cases
	"response.entity-field",     // 204, 304
	"response.field",            // what is refused: control characters
	"response.head-body",        // head
	"response.hop-by-hop",       // what is refused: Transfer-Encoding
	"response.interim",          // a status that is passed over
	"response.length-mismatch",  // short-body
	"response.silent",           // silent-app
	"response.start-missing",    // large-body and others
	"response.status",           // what is refused: a malformed one
	"response.status-field",     // what is refused: a field Status
}

// closeOfTheHandler is the field by which AppHandler makes net/http close a connection whose
// request body is not complete: Connection: close. It is not valid on other transports.
var closeOfTheHandler = []string{"response.hop-by-hop"}

// TestSuite runs gatewaytest's App under the validator: every case still passes, so the validator
// changes nothing, and the gateway breaks no rule.
func TestSuite(t *testing.T) {
	var c tally
	http := gatewaytest.HTTP("/app")
	gatewaytest.Run(t, gatewaytest.Transport{Start: func(t testing.TB, app gateway.App) string {
		return http.Start(t, validate.New(app, &validate.Options{KeepGoing: true, Report: c.report}))
	}})
	c.wantOnly(t, validate.SideGateway, methodOfTheSuite)
	c.wantOnly(t, validate.SideApp, faultsOfTheSuite)
}

// TestSuiteBehindHandler does the same for net/http with httpapp.AppHandler as the handler.
// AppHandler corrects the faults of the App, except bodies of the wrong length and bodies for HEAD.
func TestSuiteBehindHandler(t *testing.T) {
	var c tally
	gatewaytest.Run(t, gatewaytest.Transport{Start: func(t testing.TB, app gateway.App) string {
		h := &httpapp.AppHandler{App: app, Mount: "/app", ErrorLog: quiet}
		s := httptest.NewServer(validate.Handler(h, &validate.Options{KeepGoing: true, Report: c.report}))
		t.Cleanup(s.Close)
		return s.URL + "/app"
	}})
	c.wantOnly(t, validate.SideGateway, methodOfTheSuite)
	c.wantOnly(t, validate.SideApp, closeOfTheHandler)
}
