package rounds

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 9, 1, 2}, 3},
	} {
		before := slices.Clone(c.values)
		if got := Median(c.values); got != c.want {
			t.Errorf("Median(%v): got %v; want %v", before, got, c.want)
		}
		if !slices.Equal(c.values, before) {
			t.Errorf("Median sorted its argument %v", before)
		}
	}
}

// TestSummarize: the ends for n values are those of the tables of the sign test.
func TestSummarize(t *testing.T) {
	for _, c := range []struct{ n, low int }{{1, 1}, {2, 1}, {5, 1}, {7, 1}, {8, 2}, {11, 3}, {15, 4}, {20, 6}, {1000, 474}} {
		var values []float64
		for i := range c.n {
			values = append(values, float64(i+1))
		}
		slices.Reverse(values)
		got := Summarize(values)
		want := Figure{float64(c.n+1) / 2, float64(c.low), float64(c.n + 1 - c.low)}
		if got != want {
			t.Errorf("%d values: got %v; want %v", c.n, got, want)
		}
	}
}

// TestIntervalHolds counts, over all ways in which n fair coins fall, how often the interval misses
// the median.
func TestIntervalHolds(t *testing.T) {
	for n := 5; n <= 16; n++ {
		low, missed := lowest(n), 0
		for ways := range 1 << n {
			under := 0
			for i := range n {
				under += ways >> i & 1
			}
			if under <= low || under >= n-low { // the median is under value low, or over its counterpart
				missed++
			}
		}
		if probability := float64(missed) / float64(int(1)<<n); probability > 1-confidence {
			t.Errorf("%d values: the interval misses the median with probability %.3f", n, probability)
		}
	}
}

func TestSummarizeUnknown(t *testing.T) {
	for _, values := range [][]float64{nil, {1, math.NaN()}, {math.Inf(1)}} {
		if got := Summarize(values); got.Known() || got.String() != "-" {
			t.Errorf("%v: got %v; want the zero Figure", values, got)
		}
	}
}
