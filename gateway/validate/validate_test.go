package validate_test

import (
	"errors"
	"flag"
	"fmt"
	"go/format"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
)

// TestRules runs each row with KeepGoing: the wrong scene breaks its rule and no other, and the
// right scene breaks none.
func TestRules(t *testing.T) {
	for i, r := range rows() {
		t.Run(r.rule, func(t *testing.T) {
			if o := r.right.play(true); len(o.violations) > 0 {
				t.Errorf("right scene: got %v; want nothing", o.violations)
			}
			o := rows()[i].wrong.play(true)
			want := append([]string{r.rule}, besides[r.rule]...)
			if slices.Sort(want); !slices.Equal(o.ids(), want) {
				t.Fatalf("wrong scene: got %v; want %q", o.violations, want)
			}
			checkViolation(t, r, o.violations[len(o.violations)-1])
		})
	}
}

func checkViolation(t *testing.T, r row, v *validate.Violation) {
	t.Helper()
	if v.Value != r.value {
		t.Errorf("got value %q; want %q", v.Value, r.value)
	}
	called := v.Rule.Side == validate.SideApp && !slices.Contains(found, r.rule)
	if got := strings.Contains(v.Where, "_test.go:"); got != called || v.Where == "" == called {
		t.Errorf("got Where %q; want a call of the App: %v", v.Where, called)
	}
	if !strings.HasSuffix(v.Request, "/hello?a=1&b=2") && !strings.HasPrefix(r.rule, "environ.") && !strings.HasPrefix(r.rule, "request.") {
		t.Errorf("got Request %q", v.Request)
	}
}

// TestEveryRuleHasARow: no rule is untested, and the identifiers are unique.
func TestEveryRuleHasARow(t *testing.T) {
	tested := make(map[string]int)
	for _, r := range rows() {
		tested[r.rule]++
	}
	for _, r := range validate.Rules() {
		if tested[r.ID] != 1 {
			t.Errorf("%s: %d rows; want 1", r.ID, tested[r.ID])
		}
		delete(tested, r.ID)
		if r.Text == "" || r.Source == "" || r.Side == "" || r.Severity == "" {
			t.Errorf("%+v is not complete", r)
		}
	}
	if len(tested) > 0 {
		t.Errorf("rows for no rule: %v", tested)
	}
}

// TestSeverity runs the wrong scenes with the default options: an error leads to a 500 or a broken
// response, a warning does not.
func TestSeverity(t *testing.T) {
	for i, r := range rows() {
		t.Run(r.rule, func(t *testing.T) {
			o := rows()[i].wrong.play(false)
			v := o.violations[len(o.violations)-1]
			failed := strings.HasPrefix(o.out, "Status: 500 ") || errors.Is(o.err, gateway.ErrBroken)
			want := v.Rule.Severity == validate.SeverityError && !slices.Contains(afterwards, r.rule)
			if failed != want {
				t.Errorf("%s: got %v, %q; want a failure: %v", v.Rule.Severity, o.err, o.out, want)
			}
			if r.rule == "stderr.count" {
				return // that stream takes no line whole
			}
			if logged := strings.Contains(o.log, "validate: "+r.rule); logged != want {
				t.Errorf("got %q on the error stream; want the violation there: %v", o.log, want)
			}
		})
	}
}

// TestGatewayErrorsKeepTheAppOut: an App is not called for a request in which the gateway broke a
// rule.
func TestGatewayErrorsKeepTheAppOut(t *testing.T) {
	for _, r := range environRows() {
		called := false
		r.wrong.app = func(w gateway.ResponseWriter, r *gateway.Request) error {
			called = true
			return hello(w, r)
		}
		o := r.wrong.play(false)
		if want := o.violations[0].Rule.Severity == validate.SeverityWarning; called != want {
			t.Errorf("%s: App called: %v; want %v", r.rule, called, want)
		}
	}
}

// TestRulesIsACopy: the slice of Rules belongs to the caller.
func TestRulesIsACopy(t *testing.T) {
	validate.Rules()[0].ID = "changed"
	if got := validate.Rules()[0].ID; got == "changed" {
		t.Error("the table can be changed from outside")
	}
}

func TestViolationError(t *testing.T) {
	v := validate.Violation{
		Rule:  validate.Rule{ID: "x.y", Text: "x is y", Source: "RFC 1 section 2"},
		Value: "a\nb", Where: "main.f (f.go:3)",
	}
	const want = `validate: x.y: got "a\nb" at main.f (f.go:3); the rule: x is y (RFC 1 section 2)`
	if got := v.Error(); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	v.Where = ""
	if got := v.Error(); strings.Contains(got, " at ") {
		t.Errorf("got %s; want no place", got)
	}
}

// TestValuesAreCut: a long value of a client does not flood the log.
func TestValuesAreCut(t *testing.T) {
	s := scene{gateway: all(set("HTTP_HOST", strings.Repeat("@", 1000)), set("REQUEST_URI", "/app/hello?"+strings.Repeat("x", 1000)))}
	v := s.play(true).violations[0]
	if want := strings.Repeat("@", 64) + "..."; v.Value != want {
		t.Errorf("got %q; want %q", v.Value, want)
	}
	if len(v.Request) != 64+3 {
		t.Errorf("got %q; want 64 bytes of it", v.Request)
	}
}

var update = flag.Bool("update", false, "write the table of rules into rules.go")

// TestTheDocumentationHasTheRules: the documentation lists the rules. With -update the test writes
// them there.
func TestTheDocumentationHasTheRules(t *testing.T) {
	got, err := os.ReadFile("rules.go")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(got), "//\n//\t")
	_, after, ok2 := strings.Cut(rest, "func Rules() ")
	if !ok || !ok2 {
		t.Fatal("rules.go has no place for the table")
	}
	want := before + "//\n" + table() + "func Rules() " + after
	if formatted, err := format.Source([]byte(want)); err != nil || string(formatted) != want {
		t.Errorf("the table is not as gofmt has it: %v", err)
	}
	if *update {
		if err := os.WriteFile("rules.go", []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(got) != want {
		t.Error("the table in rules.go is not the checker's: run go generate")
	}
}

// table returns the rules as lines of a comment, two for each.
func table() string {
	var b strings.Builder
	for _, r := range validate.Rules() {
		fmt.Fprintf(&b, "//\t%-32s %-7s  %s\n//\t\t%s (%s)\n", r.ID, r.Side, r.Severity, r.Text, r.Source)
	}
	return b.String()
}
