package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// Measures of the chart, in pixels.
const (
	chartWidth = 900
	labelWidth = 260 // of the names at the left
	rowHeight  = 18
	topHeight  = 70
)

// ticks are the ratios that have a line.
var ticks = []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20}

// chart is an SVG under way. y is where the next row goes.
type chart struct {
	text strings.Builder
	y    int
}

// SVG writes all ratios as one chart: a row for each peer of each result, with the ratio of the
// base to it by throughput and by processor time, and the interval of each as a line. The row of a
// latency or a size has the ratio of the peer to the base, which is so at the right too where the
// base is ahead. The scale is logarithmic.
func (r *Report) SVG(out io.Writer) error {
	c := &chart{y: topHeight}
	for _, result := range r.Results {
		c.result(result)
	}
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
%s%s</svg>
`, chartWidth, c.y+rowHeight, r.top(c.y), c.text.String())
	return err
}

// top has the title, the legend and the lines of the scale down to a height.
func (r *Report) top(bottom int) string {
	var c chart
	c.label(10, 20, "#000", "bold", "Ratios on "+r.Machine.Processor+", "+r.Began.Format("2006-01-02"))
	c.dot(14, 34, throughputColour)
	c.label(24, 38, "#000", "normal", "by throughput, latency or size")
	c.dot(214, 34, cpuColour)
	c.label(224, 38, "#000", "normal", "by CPU time; right of 1 this module is ahead")
	for _, t := range ticks {
		fmt.Fprintf(&c.text, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`+"\n",
			position(t), topHeight-12, position(t), bottom, map[bool]string{true: "#888", false: "#ddd"}[t == 1])
		c.label(position(t)-6, topHeight-16, "#444", "normal", fmt.Sprint(t))
	}
	return c.text.String()
}

const (
	throughputColour = "#1f5fa8"
	cpuColour        = "#d9701a"
)

func (c *chart) result(r Result) {
	c.y += rowHeight
	c.label(10, float64(c.y), "#000", "bold", r.Deployment+": "+r.Work)
	for _, row := range r.Rows {
		for i, f := range row.ByMore {
			c.row(row.Name+" / "+r.Base+", "+r.Measures[i].Name, f, rounds.Figure{})
		}
		if len(r.Measures) == 0 {
			c.row(r.Base+" / "+row.Name, row.ByRate, row.ByCPU)
		}
	}
}

// row draws a ratio by throughput, or of a measure, and one by processor time, if they are known.
func (c *chart) row(name string, ratio, cpu rounds.Figure) {
	if !ratio.Known() {
		return
	}
	c.y += rowHeight
	c.label(20, float64(c.y), "#000", "normal", name)
	c.figure(ratio, float64(c.y)-7, throughputColour)
	c.figure(cpu, float64(c.y)-1, cpuColour)
}

func (c *chart) figure(f rounds.Figure, y float64, colour string) {
	if !f.Known() {
		return
	}
	fmt.Fprintf(&c.text, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2"/>`+"\n",
		position(f.Low), y, position(f.High), y, colour)
	c.dot(position(f.Median), y, colour)
}

func (c *chart) dot(x, y float64, colour string) {
	fmt.Fprintf(&c.text, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x, y, colour)
}

func (c *chart) label(x, y float64, colour, weight, text string) {
	var escaped strings.Builder
	xml.EscapeText(&escaped, []byte(text)) // a Builder does not fail
	fmt.Fprintf(&c.text, `<text x="%.1f" y="%.1f" fill="%s" font-weight="%s">%s</text>`+"\n", x, y, colour, weight, escaped.String())
}

// position is where a ratio is on the scale. A value beyond the scale is drawn at its end.
func position(ratio float64) float64 {
	low, high := ticks[0], ticks[len(ticks)-1]
	ratio = min(max(ratio, low/1.3), high*1.3)
	return labelWidth + (chartWidth-labelWidth-30)*math.Log(ratio/low*1.3)/math.Log(high/low*1.69)
}
