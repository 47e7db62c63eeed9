package rounds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

// steady is an entry that notes its turns, and always does the same in one second.
func steady(name string, done float64, turns *[]string) *Entry {
	return &Entry{Name: name, Work: func() (Sample, error) {
		*turns = append(*turns, name)
		return Sample{Done: done, Took: time.Second, CPU: time.Second / 2}, nil
	}}
}

func TestRunTakesTurns(t *testing.T) {
	var turns []string
	c := &Contest{Unit: "things", Entries: []*Entry{steady("a", 10, &turns), steady("b", 20, &turns), steady("c", 30, &turns)}}
	var out strings.Builder
	if err := c.Run(t.Context(), 3, &out); err != nil {
		t.Fatal(err)
	}
	// The first round does not count, and each entry has begun once by the end of the third.
	if got, want := strings.Join(turns, ""), "abcbcacababc"; got != want {
		t.Errorf("turns %s; want %s", got, want)
	}
	for _, e := range c.Entries {
		if len(e.Samples) != 3 {
			t.Errorf("%s has %d samples; want 3", e.Name, len(e.Samples))
		}
	}
	if want := "round 3            10        20        30\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("wrote\n%s; want the end\n%s", out.String(), want)
	}
}

func TestRunFails(t *testing.T) {
	broken := errors.New("connection lost")
	var turns []string
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	for _, c := range []struct {
		name  string
		ctx   context.Context
		n     int
		entry *Entry
		want  string
	}{
		{"work fails", t.Context(), 2, &Entry{Name: "a", Work: func() (Sample, error) { return Sample{}, broken }}, "a: connection lost"},
		{"nothing done", t.Context(), 2, steady("a", 0, &turns), "a: nothing was done in a round"},
		{"no rounds", t.Context(), 0, steady("a", 1, &turns), "no rounds, or nothing to compare"},
		{"context ended", ended, 2, steady("a", 1, &turns), "interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := (&Contest{Unit: "things", Entries: []*Entry{c.entry}}).Run(c.ctx, c.n, new(strings.Builder))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v; want %s", err, c.want)
			}
		})
	}
}

// TestComparisons: the ratio is taken within each round, so a machine that is slow for a round does
// not change it.
func TestComparisons(t *testing.T) {
	a, b := &Entry{Name: "a"}, &Entry{Name: "b"}
	for _, slow := range []time.Duration{1, 5, 1, 2, 7} {
		a.Samples = append(a.Samples, Sample{Done: 20, Took: slow * time.Second, CPU: 10 * time.Millisecond})
		b.Samples = append(b.Samples, Sample{Done: 10, Took: slow * time.Second, CPU: 15 * time.Millisecond})
	}
	c := &Contest{Entries: []*Entry{a, b}, Bounds: []Bound{{"a", "b", 2.5}, {"b", "a", 0.5}, {"a", "missing", 9}}}
	got := c.Comparisons()
	want := []Comparison{
		{c.Bounds[0], Figure{2, 2, 2}, Figure{3, 3, 3}},
		{c.Bounds[1], Figure{0.5, 0.5, 0.5}, Figure{1.0 / 3, 1.0 / 3, 1.0 / 3}},
	}
	if !slices.EqualFunc(got, want, func(g, w Comparison) bool { return fmt.Sprint(g) == fmt.Sprint(w) }) {
		t.Errorf("got %v; want %v", got, want)
	}
	if err := c.Check(); err == nil || err.Error() != "a / b is 2.000, under its bound of 2.50" {
		t.Errorf("Check returned %v", err)
	}
}

func ExampleContest() {
	work := func(done float64) func() (Sample, error) {
		return func() (Sample, error) { return Sample{Done: done, Took: time.Second, CPU: 500 * time.Millisecond}, nil }
	}
	c := &Contest{
		Unit:    "requests",
		Entries: []*Entry{{Name: "ours", Work: work(9000)}, {Name: "theirs", Work: work(10000)}},
		Bounds:  []Bound{{Of: "ours", To: "theirs", Least: 0.8}},
	}
	if err := c.Run(context.Background(), 2, os.Stdout); err != nil {
		fmt.Println(err)
	}
	c.Report(os.Stdout)
	// Output:
	// requests/s       ours    theirs
	// round 1          9000     10000
	// round 2          9000     10000
	// median           9000     10000
	// CPU ns each     55556     50000
	// ratio              by throughput        by CPU time          bound
	// ours / theirs  0.90 [0.90, 0.90]  0.90 [0.90, 0.90]  at least 0.80
}
