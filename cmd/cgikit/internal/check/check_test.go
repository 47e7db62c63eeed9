package check

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// toyRun starts a toy with a fault, and returns a Run of it that has sent the plain request.
func toyRun(t *testing.T, protocol, fault string) *Run {
	t.Helper()
	s := &toy{fault: fault}
	serve := map[string]func(net.Conn){"fastcgi": s.serveFastCGI, "scgi": s.serveSCGI}[protocol]
	tg, err := target.Parse(protocol + "://" + s.start(t, serve))
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Target: tg, Timeout: slow, Quiet: slow, Echo: true, stall: quick}
	if err := r.prepare(t.Context()); err != nil {
		t.Fatalf("the plain request: %v", err)
	}
	return r
}

// hangs are the checks whose faulty toy does not answer: the timeout ends them.
var hangs = strings.Fields("F12.1 F12.2 F12.3 F17.1 F17.3 F18.1 F18.2 F20.1 F26.1 F26.2 F18.5 F23.3 S6.1 S7.1 S12.1 A2.1")

// TestBroken proves each check by a server that breaks its rule and no other. A check without such
// a server fails the test.
func TestBroken(t *testing.T) {
	for _, protocol := range []string{"fastcgi", "scgi"} {
		for _, c := range For(protocol) {
			if protocol == "fastcgi" && c.ID == "A2.1" {
				continue // it does not apply there
			}
			t.Run(protocol+" "+c.ID, func(t *testing.T) {
				t.Parallel()
				r := toyRun(t, protocol, c.ID)
				if slices.Contains(hangs, c.ID) {
					r.Timeout, r.Quiet = quick, quick
				}
				wantBroken(t, r, c)
			})
		}
	}
}

// wantBroken fails the test unless a check finds that its rule is broken.
func wantBroken(t *testing.T, r *Run, c Check) {
	t.Helper()
	got := r.one(t.Context(), c, "")
	want := map[Level]Verdict{Must: Fail, Should: Warn, May: Info}[c.Level]
	if got.Verdict != want || got.Reason == "" {
		t.Errorf("got %s, %q; want %s", got.Verdict, got.Reason, want)
	}
	if len(got.From) == 0 || got.sent.total == 0 {
		t.Errorf("got connections from %q and %d bytes sent; want some", got.From, got.sent.total)
	}
	if c.Level == May && !strings.HasPrefix(got.Reason, "it answers") {
		t.Errorf("got %q, as of a server without the role", got.Reason)
	}
}

// TestBrokenHTTP does the same for the checks of a web server. The server without a fault passes.
func TestBrokenHTTP(t *testing.T) {
	for _, c := range For("http") {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			wantBroken(t, httpRun(t, c.ID), c)
			if got := httpRun(t, "").one(t.Context(), c, ""); got.Verdict != Pass {
				t.Errorf("without the fault: got %s, %q", got.Verdict, got.Reason)
			}
		})
	}
}

// TestKept runs all checks of a server that keeps all rules.
func TestKept(t *testing.T) {
	for _, protocol := range []string{"fastcgi", "scgi"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := toyRun(t, protocol, "")
			r.Quiet = 10 * time.Millisecond
			results, err := r.All(t.Context(), For(protocol))
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range results {
				if got.Verdict != Pass && got.Level != May && got.ID != "A2.1" {
					t.Errorf("%s: got %s, %q", got.ID, got.Verdict, got.Reason)
				}
			}
			if want := len(For(protocol)); len(results) != want {
				t.Errorf("got %d results; want %d", len(results), want)
			}
		})
	}
}

// TestIDs checks that each id stands once, and has the form by which it is chosen.
func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks() {
		requirement, number, _ := strings.Cut(c.ID, ".")
		if seen[c.ID] || requirement == "" || number == "" {
			t.Errorf("the id %q stands twice, or has no number", c.ID)
		}
		seen[c.ID] = true
		if len(c.Rule) > ruleWidth || c.Rule == "" || c.Section == "" {
			t.Errorf("%s: the rule has %d characters; want 1 to %d, and a section", c.ID, len(c.Rule), ruleWidth)
		}
	}
}

func TestSelect(t *testing.T) {
	all := For("fastcgi")
	tests := []struct {
		name        string
		names, skip []string
		want        int // -1 for an error
	}{
		{"all", nil, nil, len(all)},
		{"one", []string{"F17.1"}, nil, 1},
		{"lower case", []string{"f17.1"}, nil, 1},
		{"requirement", []string{"F17"}, nil, 3},
		{"group", []string{"fastcgi.abort"}, nil, 4},
		{"group and skip", []string{"fastcgi.abort"}, []string{"F18.1"}, 3},
		{"skip protocol", nil, []string{"fastcgi", "cgi"}, 0},
		{"unknown", []string{"F1.99"}, nil, -1},
		{"unknown to skip", nil, []string{"x"}, -1},
		{"of another protocol", []string{"S1.1"}, nil, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Select(all, tt.names, tt.skip)
			if err != nil && tt.want != -1 || err == nil && len(got) != tt.want {
				t.Errorf("got %d checks, %v; want %d", len(got), err, tt.want)
			}
		})
	}
}

// TestInterrupted: when the context ends, the results are those that there are.
func TestInterrupted(t *testing.T) {
	r := toyRun(t, "fastcgi", "")
	ctx, cancel := context.WithCancel(t.Context())
	r.Quiet = 10 * time.Millisecond
	r.Report = func(Result) { cancel() }
	results, err := r.All(ctx, For("fastcgi"))
	if len(results) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d results, %v; want 1 and the context's error", len(results), err)
	}
}

// TestDead: the checks after one that has ended the target are skipped, with its id.
func TestDead(t *testing.T) {
	r := toyRun(t, "fastcgi", "F4.2")
	r.Quiet = 10 * time.Millisecond
	checks, err := Select(For("fastcgi"), []string{"F4"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, err := r.All(t.Context(), append(checks, checks...))
	var got []Verdict
	for _, result := range results {
		got = append(got, result.Verdict)
	}
	if want := []Verdict{Pass, Fail, Skip, Skip}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
