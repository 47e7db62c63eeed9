package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// growth has a peer whose cost bends, one whose cost does not, and one whose cost is not known.
func growth() *Growth {
	costs := func(all ...float64) (figures []rounds.Figure) {
		for _, ns := range all {
			figures = append(figures, rounds.Figure{Median: ns, Low: ns * 0.9, High: ns * 1.1})
		}
		return figures
	}
	return &Growth{Command: []string{"bench", "growth"}, Charts: []Chart{{
		Title: "Application, variables", X: "variables", N: []int{10, 20, 40},
		Lines: []Line{
			{"bent", costs(1000, 2000, 9000)}, {"straight & <even>", costs(1000, 2000, 4000)}, {"unknown", make([]rounds.Figure, 3)},
		},
		Notes: "Because.",
	}}}
}

func TestGrowthText(t *testing.T) {
	var out strings.Builder
	growth().Charts[0].Text(&out)
	want := `
Application, variables: CPU us of a request
variables bent straight & <even> unknown
10 1.0 [0.9, 1.1] 1.0 [0.9, 1.1] -
20 2.0 [1.8, 2.2] 2.0 [1.8, 2.2] -
40 9.0 [8.1, 9.9] 4.0 [3.6, 4.4] -
bend: bent from 20 to 40 variables, more than a straight line
Because.
`
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestGrowthJSON(t *testing.T) {
	var text bytes.Buffer
	if err := growth().JSON(&text); err != nil {
		t.Fatal(err)
	}
	got := new(Growth)
	if err := json.Unmarshal(text.Bytes(), got); err != nil || !reflect.DeepEqual(got, growth()) {
		t.Errorf("got %+v, %v; want %+v", got, err, growth())
	}
}

// TestGrowthSVG: the charts are well-formed, and have a mark for each cost that is known.
func TestGrowthSVG(t *testing.T) {
	var text bytes.Buffer
	if err := growth().SVG(&text); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "<circle"); n != 3*2+3 { // and three names
		t.Errorf("%d marks", n)
	}
	if !strings.Contains(text.String(), ">3.2<") || strings.Contains(text.String(), "e+") {
		t.Errorf("the scale is not in microseconds: %s", text.String())
	}
	if strings.Contains(text.String(), "NaN") || strings.Contains(text.String(), "Inf") {
		t.Errorf("a place is not a number: %s", text.String())
	}
	for d := xml.NewDecoder(&text); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
