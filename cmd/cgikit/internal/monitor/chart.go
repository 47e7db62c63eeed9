package monitor

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The charts are SVG paths in a view box of chartWidth by chartHeight, which the page stretches.
const (
	chartWidth  = recentSteps - 1 // without the current step, which is not complete
	chartHeight = 40
)

// drawLine returns a path through values, from left to right. A negative value is a gap.
func drawLine(values []float64, top float64) string {
	var path strings.Builder
	drawn := false
	for i, v := range values {
		if v < 0 {
			drawn = false
			continue
		}
		command := "L"
		if !drawn {
			command = "M"
		}
		point := coordinate(i+chartWidth-len(values)) + " " + chartY(v, top)
		path.WriteString(command + point)
		if alone := i+1 == len(values) || values[i+1] < 0; !drawn && alone {
			path.WriteString("h.5") // a step between gaps shows as a dot
		}
		drawn = true
	}
	return path.String()
}

// drawArea returns the path of the area below values, which has no gaps.
func drawArea(values []float64, top float64) string {
	line := drawLine(values, top)
	if line == "" {
		return ""
	}
	first, last := coordinate(chartWidth-len(values)), coordinate(chartWidth-1)
	return line + "L" + last + " " + coordinate(chartHeight) + "L" + first + " " + coordinate(chartHeight) + "Z"
}

// drawBars returns a path with a bar for each value above 0, at least 3 high.
func drawBars(values []float64, top float64) string {
	var path strings.Builder
	for i, v := range values {
		if v > 0 {
			height := max(v/top*(chartHeight-1), 3)
			path.WriteString("M" + coordinate(i+chartWidth-len(values)) + " " + coordinate(chartHeight) + "v-" + strconv.FormatFloat(height, 'f', 1, 64))
		}
	}
	return path.String()
}

func coordinate(n int) string { return strconv.Itoa(n) }

// chartY is 1 below the upper edge for top, so that the line is not cut.
func chartY(v, top float64) string {
	return strconv.FormatFloat(chartHeight-v/top*(chartHeight-1), 'f', 1, 64)
}

// charts has what the three charts of the page show.
type charts struct {
	rate, median, slow, failures []float64 // of each complete step; times in seconds, and -1 without a request
	perSecond                    float64   // in the last seconds
	minute, all                  window    // the last minute, and all steps
}

// newCharts returns the charts of steps, the last of which is the current one. Uptime is the age of
// the process: the charts begin with it.
func newCharts(steps []step, now time.Time, uptime time.Duration) (c charts) {
	complete := steps[:len(steps)-1]
	if lived := int(uptime/recentStep) + 1; lived < len(complete) {
		complete = complete[len(complete)-lived:]
	}
	for i := range complete {
		w := sum(complete[i : i+1])
		c.rate = append(c.rate, float64(w.requests)/recentStep.Seconds())
		c.failures = append(c.failures, float64(w.failures))
		c.median = append(c.median, secondsOf(&w, .5))
		c.slow = append(c.slow, secondsOf(&w, .99))
	}
	const few = 5 // steps of the current rate: long enough to be steady, and short enough to be current
	span := (few-1)*recentStep + time.Duration(now.UnixNano()%int64(recentStep))
	w := sum(steps[len(steps)-few:])
	c.perSecond = float64(w.requests) / min(span, max(uptime, time.Second)).Seconds()
	c.minute = sum(steps[len(steps)-int(time.Minute/recentStep):])
	c.all = sum(steps)
	return c
}

func secondsOf(w *window, share float64) float64 {
	if d, ok := w.percentile(share); ok {
		return d.Seconds()
	}
	return -1
}

// logarithms returns times for a logarithmic scale, on which a median of 1 ms can be seen beside a
// second. Zero stays zero, and a gap stays a gap.
func logarithms(seconds []float64) []float64 {
	scaled := make([]float64, len(seconds))
	for i, s := range seconds {
		if scaled[i] = s; s >= 0 {
			scaled[i] = math.Log10(1 + s*1e6)
		}
	}
	return scaled
}

// highest returns the highest value, and at least the given one.
func highest(values []float64, least float64) float64 {
	for _, v := range values {
		least = math.Max(least, v)
	}
	return least
}
