package report

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

var table = Table{
	Head: "work",
	Rows: []TableRow{
		{Name: "hello", Deployment: "Application", Work: "hel"}, {Name: "p99", Deployment: "Application", Work: "latency", Measure: 1},
		{Name: "unknown", Deployment: "Other", Work: "hello"},
	},
	Columns: []TableColumn{{Name: "fast", Peers: []string{"lost", "theirs"}}, {Name: "slow", Peers: []string{"scripts & <more>", "ours"}}},
}

const markdown = `| work | fast | slow |
|---|---|---|
| hello | theirs 2.0 / 2.0 | scripts & <more> 400 / ? |
| p99 | theirs 0.50 | scripts & <more>: too slow |
| unknown |  |  |
`

func TestMarkdown(t *testing.T) {
	r, _ := sample()
	c := &rounds.Contest{Unit: "requests", Asked: 10_000, Measures: []rounds.Measure{{Name: "p50", Unit: "us"}, {Name: "p99", Unit: "us"}}, Entries: []*rounds.Entry{
		entry("ours", 10_000, 500), entry("theirs", 10_000, 500), entry("scripts & <more>", 5000, 500),
	}}
	for i, e := range c.Entries {
		for j := range e.Samples {
			e.Samples[j].More = []float64{1, 100 / float64(i+1)}
		}
	}
	r.Add("Application", "latency of hello", "ours", c)
	var out strings.Builder
	if err := r.Markdown(&out, table); err != nil || out.String() != markdown {
		t.Errorf("got %v\n%s\nwant\n%s", err, out.String(), markdown)
	}
}

func TestReplace(t *testing.T) {
	old := "# Title\n\n| work | fast | slow |\n|---|---|---|\n| hello | old | old |\n\nThe end.\n| another |\n"
	got, err := table.Replace(old, markdown)
	if want := "# Title\n\n" + markdown + "\nThe end.\n| another |\n"; err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
	if _, err := table.Replace("# Title\n", markdown); err == nil || err.Error() != "the text has no table that begins with | work | fast | slow |" {
		t.Errorf("got %v", err)
	}
}
