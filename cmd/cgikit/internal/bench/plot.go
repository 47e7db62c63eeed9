package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// Measures of the chart, in pixels.
const (
	plotLeft, plotTop     = 70, 40
	plotWidth, plotHeight = 760, 360
	plotRow               = 20
)

var plotColours = []string{"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#7f7f7f"}

// plot is a chart under way. The x axis has nines: each step is a tenth of the requests that the
// step before left. The y axis is logarithmic.
type plot struct {
	text      strings.Builder
	nines     float64
	low, high float64 // powers of ten of milliseconds
}

// writePlot writes the latency of all results by percentile, as one SVG with a table below.
func writePlot(w io.Writer, all []*Data) error {
	p := newPlot(all)
	p.writeAxes()
	for i, d := range all {
		p.writeCurve(d, plotColours[i%len(plotColours)])
		p.writeRow(i, d)
	}
	height := plotTop + plotHeight + 60 + plotRow*(len(all)+1)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
%s</svg>
`, height, p.text.String())
	return err
}

// newPlot finds the ends of the axes.
func newPlot(all []*Data) *plot {
	p := &plot{nines: 1, low: math.Inf(1), high: math.Inf(-1)}
	for _, d := range all {
		for _, point := range d.Curve {
			if point[1] > 0 && point[0] < 100 {
				p.nines = max(p.nines, nines(point[0]))
				p.low = min(p.low, math.Floor(math.Log10(point[1])))
				p.high = max(p.high, math.Ceil(math.Log10(point[1])))
			}
		}
	}
	if p.low >= p.high {
		p.low, p.high = -1, 2
	}
	return p
}

// nines is the place of a percentile: 90 is 1, 99 is 2.
func nines(percentile float64) float64 { return -math.Log10(1 - percentile/100) }

func (p *plot) x(percentile float64) float64 {
	return plotLeft + plotWidth*nines(percentile)/p.nines
}

func (p *plot) y(ms float64) float64 {
	return plotTop + plotHeight*(p.high-math.Log10(ms))/(p.high-p.low)
}

func (p *plot) label(x, y float64, colour, anchor, text string) {
	fmt.Fprintf(&p.text, `<text x="%.1f" y="%.1f" fill="%s" text-anchor="%s">`, x, y, colour, anchor)
	xml.EscapeText(&p.text, []byte(text)) // a strings.Builder returns no error
	p.text.WriteString("</text>\n")
}

func (p *plot) line(x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.text, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", x1, y1, x2, y2)
}

func (p *plot) writeAxes() {
	p.label(plotLeft, 24, "#000", "start", "Latency in ms by percentile of the requests")
	for _, percentile := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999} {
		if nines(percentile) > p.nines+0.001 {
			break
		}
		p.line(p.x(percentile), plotTop, p.x(percentile), plotTop+plotHeight)
		p.label(p.x(percentile), plotTop+plotHeight+18, "#444", "middle", fmt.Sprintf("%g %%", percentile))
	}
	for power := p.low; power <= p.high; power++ {
		ms := math.Pow(10, power)
		p.line(plotLeft, p.y(ms), plotLeft+plotWidth, p.y(ms))
		p.label(plotLeft-8, p.y(ms)+4, "#444", "end", fmt.Sprintf("%g", ms))
	}
}

// writeCurve writes one polyline. Its title is shown where the pointer rests.
func (p *plot) writeCurve(d *Data, colour string) {
	var points strings.Builder
	for _, point := range d.Curve {
		if point[1] > 0 && point[0] < 100 {
			fmt.Fprintf(&points, "%.1f,%.1f ", p.x(point[0]), p.y(point[1]))
		}
	}
	fmt.Fprintf(&p.text, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"><title>`, colour, strings.TrimSpace(points.String()))
	xml.EscapeText(&p.text, []byte(d.title())) // a strings.Builder returns no error
	p.text.WriteString("</title></polyline>\n")
}

// writeRow writes a line of the table, the first after its head.
func (p *plot) writeRow(i int, d *Data) {
	columns := []float64{plotLeft, 500, 580, 650, 720, 800}
	row := func(y float64, colour string, cells ...string) {
		for j, cell := range cells {
			p.label(columns[j], y, colour, map[bool]string{true: "start", false: "end"}[j == 0], cell)
		}
	}
	top := float64(plotTop + plotHeight + 50)
	if i == 0 {
		row(top, "#444", "", "c", "per s", "p50 ms", "p99 ms", "errors")
	}
	name := []rune(d.Target + d.Path)
	if len(name) > 60 {
		name = append([]rune("…"), name[len(name)-59:]...)
	}
	row(top+plotRow*float64(i+1), plotColours[i%len(plotColours)], string(name), fmt.Sprint(d.Conns), perSecond(d.PerSecond),
		threeDigits(d.Latency.P50), threeDigits(d.Latency.P99), thousands(d.Failed))
}
