package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

func TestConditions(t *testing.T) {
	d := &Data{Requests: 1000, OK: 990, Failed: 10, PerSecond: 500, AppStatus: 2, Latency: Percentiles{P99: 20, P50: 2, P999: 30}, FirstByte: Percentiles{P50: 1}}
	for text, want := range map[string]bool{
		"p99>10ms": true, "p99>20ms": false, "p99>=20ms": true, "p50<1ms": false, "p99.9>29999us": true, "first-byte-p50>500us": true,
		"errors>0.1%": true, "errors>1%": false, "errors>=1%": true, "errors>9": true, "errors > 10": false,
		"rate<5000": true, "rate<500": false, "rate<=500": true, "app-status>0": true,
	} {
		c, err := parseCondition(text, false)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		r := &run{conditions: []condition{c}, results: []*Data{d}}
		if err := r.checkConditions(); (err != nil) != want {
			t.Errorf("%s: got %v; want %v", text, err, want)
		}
	}
	for _, text := range []string{"", "p99", "p99>10", "p98>1ms", "errors>x", "errors>-1", "rate<NaN", "rate!5", "ratio<1", "p99>-1ms", "rate<5%"} {
		if _, err := parseCondition(text, false); cli.Status(err) != cli.StatusUsage || cli.Hint(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestConditionWithoutAnswers: nothing was answered in time, so a bound of a time does not hold.
func TestConditionWithoutAnswers(t *testing.T) {
	for text, want := range map[string]bool{"p99>10ms": true, "p99<10ms": false, "errors>50%": true} {
		c, err := parseCondition(text, false)
		if err != nil {
			t.Fatal(err)
		}
		r := &run{conditions: []condition{c}, results: []*Data{{Requests: 3, Failed: 3}}}
		if err := r.checkConditions(); (err != nil) != want {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// TestRatioCondition: the whole interval must be on the wrong side.
func TestRatioCondition(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      bool
	}{{0.8, 0.9, true}, {0.9, 1, false}, {0.96, 1.1, false}} {
		parsed, err := parseCondition("ratio<0.95", true)
		if err != nil {
			t.Fatal(err)
		}
		r := &run{conditions: []condition{parsed}, ratio: &ratio{Figure: rounds.Figure{Median: 0.9, Low: c.low, High: c.high}}}
		if err := r.checkConditions(); (err != nil) != c.want {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestParseSweep(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "c=1,2": {1, 2}, "c=1,2,4,...,64": {1, 2, 4, 8, 16, 32, 64}, "c=1,…,10,20": {1, 2, 4, 8, 10, 20}, "c=3,...,7": {3, 6, 7},
	} {
		if got, err := parseSweep(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"1,2", "c=", "c=1", "c=2,1", "c=0,1", "c=1,1", "c=1,99999999", "c=a,b", "c=1,...", "n=1,2"} {
		if _, err := parseSweep(text); cli.Status(err) != cli.StatusUsage {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFindKnee(t *testing.T) {
	for _, c := range []struct {
		rates []float64
		want  int // index; -1: none
	}{
		{[]float64{10, 20, 39, 40, 40}, 2},
		{[]float64{40, 30, 20}, 0},
		{[]float64{10, 20, 40}, -1},
		{[]float64{0, 0}, -1},
		{[]float64{5}, -1},
		{nil, -1},
	} {
		var all []*Data
		for i, rate := range c.rates {
			all = append(all, &Data{Conns: i, PerSecond: rate})
		}
		got := -1
		if d := findKnee(all); d != nil {
			got = d.Conns
		}
		if got != c.want {
			t.Errorf("%v: got %d; want %d", c.rates, got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		thousands(0): "0", thousands(999): "999", thousands(1446300): "1,446,300", thousands(-1000): "-1,000",
		threeDigits(0.3106): "0.311", threeDigits(1.92): "1.92", threeDigits(11.72): "11.7", threeDigits(420.4): "420",
		perSecond(48210.4): "48,210", perSecond(2.5): "2.50",
	} {
		if got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}

// TestNotes: what makes a result other than it looks is told.
func TestNotes(t *testing.T) {
	d := &Data{Conns: 50, Starved: 45, Closed: 3, Again: 2, Unsent: 7, Dropped: 1}
	notes := strings.Join(d.notes(), "\n")
	for _, want := range []string{"45 connections never got an answer", "-c 5,", "closed 3 connections", "2 requests were sent again", "7 requests were due", "1 requests were under way"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if notes := new(Data).notes(); len(notes) != 0 {
		t.Errorf("got %s", fmt.Sprint(notes))
	}
}
