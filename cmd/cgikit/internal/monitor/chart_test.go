package monitor

import (
	"testing"
	"time"
)

// TestDraw checks the paths of charts: the last value is at the right edge.
func TestDraw(t *testing.T) {
	for _, test := range []struct{ name, got, want string }{
		{"line", drawLine([]float64{0, 1, 2}, 2), "M146 40.0L147 20.5L148 1.0"},
		{"gaps", drawLine([]float64{1, -1, 1, 2, -1}, 2), "M144 20.5h.5M146 20.5L147 1.0"},
		{"nothing", drawLine([]float64{-1, -1}, 2) + drawArea(nil, 1) + drawBars([]float64{0, 0}, 1), ""},
		{"area", drawArea([]float64{0, 2}, 2), "M147 40.0L148 1.0L148 40L147 40Z"},
		{"bars", drawBars([]float64{1, 0, 100}, 100), "M146 40v-3.0M148 40v-39.0"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s; want %s", test.name, test.got, test.want)
		}
	}
}

// TestLogarithms: a microsecond is above the edge, and there is no point for a gap.
func TestLogarithms(t *testing.T) {
	got := logarithms([]float64{-1, 0, 1e-6, 1e-3})
	if got[0] != -1 || got[1] != 0 || got[2] < .3 || got[3] < 3 || got[3] > 3.001 {
		t.Errorf("got %v", got)
	}
}

// TestCharts: the rate is that of the last seconds, and of no more than the process has lived.
func TestCharts(t *testing.T) {
	var r recent
	now := time.Unix(1000, 0).Add(recentStep / 2)
	for range 18 {
		r.add(now, time.Millisecond, false)
	}
	r.add(now.Add(-recentStep), time.Second, true)
	steps := r.last(recentSteps, stepNumber(now))
	c := newCharts(steps, now, time.Hour)
	if want := 19. / 9; c.perSecond < want-.01 || c.perSecond > want+.01 {
		t.Errorf("got %v requests a second; want %v", c.perSecond, want)
	}
	if c := newCharts(steps, now, 0); c.perSecond != 19 || len(c.rate) != 1 {
		t.Errorf("got %v requests in the first second, %d steps; want 19, 1", c.perSecond, len(c.rate))
	}
	last := len(c.rate) - 1
	if last != chartWidth-1 || c.rate[last] != .5 || c.failures[last] != 1 || c.median[last] < .9 || c.median[0] != -1 {
		t.Errorf("got %d steps, of which the last has the rate %v, %v failures and the median %v", last+1, c.rate[last], c.failures[last], c.median[last])
	}
	if c.all.requests != 19 || c.minute.requests != 19 {
		t.Errorf("got %d and %d requests", c.all.requests, c.minute.requests)
	}
}
