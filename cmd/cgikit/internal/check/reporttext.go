package check

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Text writes results for a terminal, one at a time.
type Text struct {
	W       io.Writer
	Colours cli.Palette
	Verbose int // 1 writes the bytes of each check, 2 more of them

	skipped string // the reason of the check before, if it was skipped: it is written once
}

// ruleWidth is the width of the column of the rules.
const ruleWidth = 74

// Write writes one result: a line, and what came instead for one that does not pass.
func (t *Text) Write(r Result) {
	rule := r.Rule + strings.Repeat(" ", max(ruleWidth-utf8.RuneCountInString(r.Rule), 0))
	fmt.Fprintf(t.W, "%-6s %c  %s  %s %6d ms\n", r.ID, r.Level[0], rule, t.paint(r.verdictText()), r.Took.Milliseconds())
	if r.Reason != "" && !(r.Verdict == Skip && r.Reason == t.skipped) {
		fmt.Fprintf(t.W, "          %s\n", printable(r.Reason))
	}
	t.skipped = ""
	if r.Verdict == Skip {
		t.skipped = r.Reason
	}
	if r.Known != "" {
		fmt.Fprintf(t.W, "          known: %s\n", printable(r.Known))
	}
	failed := r.Verdict == Fail || r.Verdict == Warn
	if failed || t.Verbose > 0 && r.Verdict != Skip {
		t.writeBytes(r)
	}
}

// verdictText is the verdict in a column of its own.
func (r *Result) verdictText() string {
	if r.Known != "" {
		return "known"
	}
	return string(r.Verdict)
}

var verdictColours = map[string]cli.Colour{"pass": cli.Green, "fail": cli.Red, "warn": cli.Yellow, "info": cli.Cyan, "skip": cli.Dim, "known": cli.Yellow}

func (t *Text) paint(verdict string) string {
	return t.Colours.Paint(verdictColours[verdict], fmt.Sprintf("%-5s", verdict))
}

// writeBytes writes the section, the bytes and the places of a check.
func (t *Text) writeBytes(r Result) {
	most := 16
	switch {
	case t.Verbose > 1:
		most = maxTranscript
	case t.Verbose == 1:
		most = 256
	}
	fmt.Fprintf(t.W, "          %s; from %s at %s\n", r.Section, strings.Join(r.From, ", "), r.Begin.Format("15:04:05.000"))
	for _, d := range []struct {
		name string
		transcript
	}{{"sent", r.sent}, {"got", r.got}} {
		fmt.Fprintf(t.W, "          %-4s %6d bytes  %s\n", d.name, d.total, d.text(most))
	}
}

// text is the beginning of the bytes, in hexadecimal and as characters.
func (t *transcript) text(most int) string {
	b := t.kept[:min(len(t.kept), most)]
	if len(b) == 0 {
		return ""
	}
	more := ""
	if t.total > len(b) {
		more = " ..."
	}
	return fmt.Sprintf("% x%s  %q", b, more, b)
}

// printable is text in one line without control characters.
func printable(s string) string { return strings.ReplaceAll(exchange.Printable(s), "\n", " ") }

// Summary counts verdicts.
type Summary struct {
	Passed   int `json:"passed"`
	Failed   int `json:"failed"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
	Skipped  int `json:"skipped"`
	ForEcho  int `json:"skippedWithoutEcho"` // of Skipped
	Known    int `json:"known"`              // failures that were expected
}

// Summarize counts the verdicts of results.
func Summarize(results []Result) (s Summary) {
	for _, r := range results {
		switch {
		case r.Known != "":
			s.Known++
		case r.Verdict == Pass:
			s.Passed++
		case r.Verdict == Fail:
			s.Failed++
		case r.Verdict == Warn:
			s.Warnings++
		case r.Verdict == Info:
			s.Infos++
		case r.Verdict == Skip:
			s.Skipped++
			if r.Echo {
				s.ForEcho++
			}
		}
	}
	return s
}

// Passes reports whether no MUST is broken and, if strict, no SHOULD.
func (s Summary) Passes(strict bool) bool { return s.Failed == 0 && (!strict || s.Warnings == 0) }

// String is one line.
func (s Summary) String() string {
	text := fmt.Sprintf("%d passed, %d failed, %d warned", s.Passed, s.Failed, s.Warnings)
	if s.Known > 0 {
		text += fmt.Sprintf(", %d known", s.Known)
	}
	if s.Infos > 0 {
		text += fmt.Sprintf(", %d info", s.Infos)
	}
	text += fmt.Sprintf(", %d skipped", s.Skipped)
	if s.ForEcho > 0 {
		text += fmt.Sprintf(" (--echo for %d of them)", s.ForEcho)
	}
	return text
}

// WriteList writes the checks without running them.
func WriteList(w io.Writer, checks []Check) {
	for _, c := range checks {
		echo := ""
		if c.Echo {
			echo = "  (--echo)"
		}
		fmt.Fprintf(w, "%-6s %-6s  %-22s %s%s\n", c.ID, c.Level, c.Group, c.Rule, echo)
	}
}
