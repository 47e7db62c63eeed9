package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// Growth is a run that measured how the processor time of a request grows with a number.
type Growth struct {
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took_ns"`
	Command []string      `json:"command"`
	Machine Machine       `json:"machine"`
	Charts  []Chart       `json:"charts"`
}

// Chart has one number along its axis.
type Chart struct {
	Title string `json:"title"`
	X     string `json:"x"` // what N counts, in the plural
	N     []int  `json:"n"`
	Lines []Line `json:"lines"`
	Notes string `json:"notes,omitempty"` // explain bends
}

// Line is what one peer costs.
type Line struct {
	Name string          `json:"name"`
	CPU  []rounds.Figure `json:"cpu_ns"` // of a request, for each N; all zero: not known
}

// Bends returns the indexes of N to which the cost rises faster than it did before: it is above the
// straight line through the two before, by more than all intervals allow.
func (c Chart) Bends(l Line) (all []int) {
	for i := 2; i < len(c.N); i++ {
		a, b, now := l.CPU[i-2].Low, l.CPU[i-1].High, l.CPU[i].Low
		slope := max((b-a)/float64(c.N[i-1]-c.N[i-2]), 0)
		if line := b + slope*float64(c.N[i]-c.N[i-1]); a > 0 && now > line {
			all = append(all, i)
		}
	}
	return all
}

// Text writes a chart as a table of the processor time in microseconds, its bends and its notes.
func (c Chart) Text(out io.Writer) {
	fmt.Fprintf(out, "\n%s: CPU us of a request\n", c.Title)
	head := []string{c.X}
	for _, l := range c.Lines {
		head = append(head, l.Name)
	}
	table := [][]string{head}
	for i, n := range c.N {
		cells := []string{fmt.Sprint(n)}
		for _, l := range c.Lines {
			cells = append(cells, quantity(l.CPU[i], 1000))
		}
		table = append(table, cells)
	}
	rounds.WriteTable(out, table)
	for _, l := range c.Lines {
		for _, i := range c.Bends(l) {
			fmt.Fprintf(out, "bend: %s from %d to %d %s, more than a straight line\n", l.Name, c.N[i-1], c.N[i], c.X)
		}
	}
	if c.Notes != "" {
		fmt.Fprintln(out, c.Notes)
	}
}

// Head writes the machine and the command.
func (g *Growth) Head(out io.Writer) {
	(&Report{Began: g.Began, Command: g.Command, Machine: g.Machine}).Head(out)
}

// JSON writes the charts and what they hold.
func (g *Growth) JSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(g)
}

// Measures of a chart of lines, in pixels.
const (
	plotHeight = 260
	plotTop    = 40 // of the title
	plotLeft   = 70
	plotWidth  = 600
)

var lineColours = []string{"#1f5fa8", "#d9701a", "#2e8b57", "#8b2e6b", "#7a6a00", "#555555", "#c03030", "#008b8b"}

// SVG writes all charts, one under the other. Both scales are logarithmic.
func (g *Growth) SVG(out io.Writer) error {
	c := new(chart)
	c.label(10, 20, "#000", "bold", "CPU time of a request in microseconds, on "+g.Machine.Processor+", "+g.Began.Format("2006-01-02"))
	for i, one := range g.Charts {
		one.plot(c, float64(30+i*(plotHeight+plotTop+30)))
	}
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
%s</svg>
`, chartWidth, 40+len(g.Charts)*(plotHeight+plotTop+30), c.text.String())
	return err
}

// plot draws a chart below a height.
func (c Chart) plot(out *chart, top float64) {
	low, high := c.span()
	x := func(n int) float64 {
		return plotLeft + plotWidth*scale(float64(n), float64(c.N[0]), float64(c.N[len(c.N)-1]))
	}
	y := func(ns float64) float64 { return top + plotTop + plotHeight*(1-scale(ns, low, high)) }
	out.label(10, top+20, "#000", "bold", c.Title)
	for _, n := range c.N {
		out.rule(x(n), y(low), x(n), y(high), "#ddd", 1)
		out.label(x(n)-6, y(low)+14, "#444", "normal", fmt.Sprint(n))
	}
	for at := low; at < high*1.01; at *= math.Sqrt(10) {
		out.rule(plotLeft, y(at), plotLeft+plotWidth, y(at), "#ddd", 1)
		out.label(20, y(at)+4, "#444", "normal", strconv.FormatFloat(at/1000, 'f', 1, 64))
	}
	for i, l := range c.Lines {
		colour := lineColours[i%len(lineColours)]
		for j, f := range l.CPU {
			if !f.Known() {
				continue
			}
			out.dot(x(c.N[j]), y(f.Median), colour)
			if j > 0 && l.CPU[j-1].Known() {
				out.rule(x(c.N[j-1]), y(l.CPU[j-1].Median), x(c.N[j]), y(f.Median), colour, 2)
			}
		}
		out.dot(plotLeft+plotWidth+30, top+plotTop+float64(rowHeight*i), colour)
		out.label(plotLeft+plotWidth+40, top+plotTop+4+float64(rowHeight*i), "#000", "normal", l.Name)
	}
}

// span returns the powers of the root of ten between which all costs are.
func (c Chart) span() (low, high float64) {
	low, high = math.Inf(1), 0
	for _, l := range c.Lines {
		for _, f := range l.CPU {
			if f.Known() && f.Median > 0 {
				low, high = min(low, f.Median), max(high, f.Median)
			}
		}
	}
	if high == 0 {
		return 1000, 10_000
	}
	low, high = math.Pow(10, math.Floor(2*math.Log10(low))/2), math.Pow(10, math.Ceil(2*math.Log10(high))/2)
	return low, max(high, 2*low)
}

// scale is where a value is on a logarithmic scale, from 0 to 1.
func scale(v, low, high float64) float64 { return math.Log(v/low) / math.Log(high/low) }

func (c *chart) rule(x1, y1, x2, y2 float64, colour string, width int) {
	fmt.Fprintf(&c.text, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%d"/>`+"\n", x1, y1, x2, y2, colour, width)
}
