package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

// entry did so much in each second, with so many milliseconds of processor time.
func entry(name string, done float64, ms time.Duration) *rounds.Entry {
	s := rounds.Sample{Done: done, Took: time.Second, CPU: ms * time.Millisecond}
	return &rounds.Entry{Name: name, Samples: []rounds.Sample{s, s, s}}
}

// sample is a report with one result.
func sample() (*Report, Result) {
	r := &Report{
		Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: 90 * time.Second, Command: []string{"bench", "all"},
		Machine: Machine{System: "linux/amd64 6.1", Processor: "Fast & <Small>", Processors: 2, Memory: "1 kB", Load: "0.1 0.2 0.3", Go: "go1.26", Revision: "abc"},
	}
	r.Note(Peer{Name: "ours", Command: []string{"bench", "serve"}})
	r.Note(Peer{Name: "theirs", Version: "1.2", Command: []string{"theirs", "-d"}})
	r.Note(Peer{Name: "lost", Missing: "not found"})
	result := r.Add("Application", "hello", "ours", &rounds.Contest{Unit: "requests", Entries: []*rounds.Entry{
		entry("ours", 20_000, 500), entry("theirs", 10_000, 500), entry("scripts & <more>", 50, 0),
	}})
	return r, result
}

func TestText(t *testing.T) {
	r, result := sample()
	var out strings.Builder
	r.Head(&out)
	result.Text(&out)
	r.Tail(&out)
	want := `command    bench all
began      2026-01-02T03:04:05Z
system     linux/amd64 6.1
processor  2 of Fast & <Small>
memory     1 kB
load       0.1 0.2 0.3
versions   go1.26, cgikit abc

Application: hello
                            requests/s        CPU us each  ours's by throughput        by CPU time
ours              20000 [20000, 20000]  25.0 [25.0, 25.0]                     -                  -
theirs            10000 [10000, 10000]  50.0 [50.0, 50.0]     2.00 [2.00, 2.00]  2.00 [2.00, 2.00]
scripts & <more>     50.0 [50.0, 50.0]                  -  400.00 [400.00, 400.00]                  -

peers, and how they were started
ours                              bench serve
theirs           1.2              theirs -d
lost                              left out: not found
took 1m30s
`
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestMeasures: figures such as a latency are compared the other way round, and a row that did
// less than what was asked for is marked.
func TestMeasures(t *testing.T) {
	c := &rounds.Contest{Title: "20000 are due", Unit: "requests", Asked: 20_000, Measures: []rounds.Measure{{Name: "p50", Unit: "us"}, {Name: "p99", Unit: "us"}}, Entries: []*rounds.Entry{
		entry("ours", 20_000, 500), entry("theirs", 10_000, 500),
	}}
	for i, e := range c.Entries {
		for j := range e.Samples {
			e.Samples[j].More = []float64{10 + 10*float64(i), 50 + 100*float64(i)}
		}
	}
	r := &Report{Machine: Machine{Processor: "Fast"}}
	var out strings.Builder
	r.Add("Application", "latency", "ours", c).Text(&out)
	want := `
Application: latency, 20000 are due
requests/s CPU us each p50, us p99, us p50 by ours's p99 by ours's
ours 20000 [20000, 20000] 25.0 [25.0, 25.0] 10.0 [10.0, 10.0] 50.0 [50.0, 50.0] - -
theirs 10000 [10000, 10000] 50.0 [50.0, 50.0] 20.0 [20.0, 20.0] 150 [150, 150] 2.00 [2.00, 2.00] 3.00 [3.00, 3.00] cannot keep up
`
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	var chart strings.Builder
	if err := r.SVG(&chart); err != nil || !strings.Contains(chart.String(), ">theirs / ours, p99<") || strings.Contains(chart.String(), ">ours / theirs<") {
		t.Errorf("%v, the chart is\n%s", err, chart.String())
	}
}

// squeeze makes one space of several: the widths are those of package rounds.
func squeeze(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestJSON(t *testing.T) {
	r, _ := sample()
	var text bytes.Buffer
	if err := r.JSON(&text); err != nil {
		t.Fatal(err)
	}
	got := new(Report)
	if err := json.Unmarshal(text.Bytes(), got); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v, %v; want %+v", got, err, r)
	}
}

// TestSVG: the chart is well-formed, and has a mark and a name for each ratio that is known.
func TestSVG(t *testing.T) {
	r, _ := sample()
	var text bytes.Buffer
	if err := r.SVG(&text); err != nil {
		t.Fatal(err)
	}
	marks, words := 0, ""
	for d := xml.NewDecoder(&text); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "circle" {
				marks++
			}
		case xml.CharData:
			words += string(token) + "\n"
		}
	}
	if want := 2 + 3; marks != want { // the legend, two ratios of theirs, one of the scripts
		t.Errorf("%d marks; want %d", marks, want)
	}
	for _, want := range []string{"Ratios on Fast & <Small>, 2026-01-02", "Application: hello", "ours / theirs", "ours / scripts & <more>"} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in %q", want, words)
		}
	}
}

// TestPosition: the scale is logarithmic, and holds what is off it.
func TestPosition(t *testing.T) {
	if a, b := position(2)-position(1), position(10)-position(5); a-b > 0.01 || b-a > 0.01 || a <= 0 {
		t.Errorf("a factor of two is %v and %v wide", a, b)
	}
	for _, ratio := range []float64{0, 1e-9, 1e9} {
		if x := position(ratio); x < labelWidth-0.01 || x > chartWidth {
			t.Errorf("%v is at %v", ratio, x)
		}
	}
}

// TestNote: a peer that took part once is not missing.
func TestNote(t *testing.T) {
	r := new(Report)
	r.Note(Peer{Name: "a", Missing: "no"})
	r.Note(Peer{Name: "a", Command: []string{"a", "first"}})
	r.Note(Peer{Name: "a", Command: []string{"a", "second"}})
	r.Note(Peer{Name: "a", Missing: "no"})
	if want := []Peer{{Name: "a", Command: []string{"a", "first"}}}; !reflect.DeepEqual(r.Peers, want) {
		t.Errorf("got %v; want %v", r.Peers, want)
	}
}

func ExampleReport() {
	r := new(Report)
	r.Add("Application", "hello", "ours", &rounds.Contest{Unit: "requests", Entries: []*rounds.Entry{
		entry("ours", 20_000, 500), entry("theirs", 10_000, 500),
	}}).Text(os.Stdout)
	// Output:
	// Application: hello
	//                   requests/s        CPU us each  ours's by throughput        by CPU time
	// ours    20000 [20000, 20000]  25.0 [25.0, 25.0]                     -                  -
	// theirs  10000 [10000, 10000]  50.0 [50.0, 50.0]     2.00 [2.00, 2.00]  2.00 [2.00, 2.00]
}
