package main

import (
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/report"
)

// TestReadme: the README's table of ratios has the rows and the columns that the command writes.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	table := readmeTable()
	_, rest, ok := strings.Cut(string(text), strings.Join(table.HeadLines(), "\n")+"\n")
	if !ok {
		t.Fatalf("no table begins with\n%s", strings.Join(table.HeadLines(), "\n"))
	}
	for _, row := range table.Rows {
		line, after, _ := strings.Cut(rest, "\n")
		if !strings.HasPrefix(line, "| "+row.Name+" |") || strings.Count(line, "|") != 2+len(table.Columns) {
			t.Errorf("got the row %s; want one of %q", line, row.Name)
		}
		rest = after
	}
	if strings.HasPrefix(rest, "|") {
		t.Errorf("more rows than the command writes: %.200s", rest)
	}
}

// TestReadmeRows: each row is a part of the comparison.
func TestReadmeRows(t *testing.T) {
	all, err := parts(options{dir: t.TempDir(), size: 1, clients: 1, conns: 1}, &peer.Process{})
	if err != nil {
		t.Fatal(err)
	}
	r := new(report.Report)
	for _, p := range all {
		r.Results = append(r.Results, report.Result{Deployment: p.deployment, Work: p.work})
	}
	for _, row := range readmeTable().Rows {
		if r.Find(row) == nil {
			t.Errorf("%s: no part %q begins with %q", row.Name, row.Deployment, row.Work)
		}
	}
}
