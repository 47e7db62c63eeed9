package rounds

import (
	"fmt"
	"math"
	"slices"
)

// confidence is the least probability with which the interval of a Figure holds the median that
// endless rounds would have. Fewer than five rounds cannot give it: their interval is the whole
// range.
const confidence = 0.9

// Figure is the median of several values and an interval around it.
type Figure struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// String returns "0.67 [0.65, 0.70]", and "-" for a figure that is not known.
func (f Figure) String() string {
	if !f.Known() {
		return "-"
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f]", f.Median, f.Low, f.High)
}

// Known reports whether there was anything to take the median of.
func (f Figure) Known() bool { return f != Figure{} }

// Summarize returns the median of the values and its interval. It assumes nothing of how they are
// distributed: the ends of the interval are values. Without values, or with one that is no number
// or infinite, it returns the zero Figure.
func Summarize(values []float64) Figure {
	unfit := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	if len(values) == 0 || slices.ContainsFunc(values, unfit) {
		return Figure{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n, low := len(sorted), lowest(len(sorted))
	return Figure{Median: Median(sorted), Low: sorted[low], High: sorted[n-1-low]}
}

// lowest returns the index of the sorted value that begins the interval: the median of the
// distribution is under value i, counted from 0, with the probability that at most i of n throws of
// a coin are heads.
func lowest(n int) int {
	under, ways := 0.0, math.Exp2(-float64(n))
	for i := range n / 2 {
		under += ways
		if 2*under > 1-confidence {
			return max(i-1, 0)
		}
		ways *= float64(n-i) / float64(i+1)
	}
	return max(n/2-1, 0)
}

// Median returns the middle of the values, and the mean of the middle two where their number is
// even. There is at least one value.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Ratios returns the ratio of each round.
func Ratios(of, to []float64) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = of[i] / to[i]
	}
	return all
}
