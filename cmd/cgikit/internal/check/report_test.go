package check

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// outcome has a result of each verdict, with text that a format must encode.
func outcome() Outcome {
	result := func(id string, level Level, v Verdict, reason string) Result {
		c := Check{ID: id, Group: "fastcgi.wire", Level: level, Rule: "does <it>", Section: "FastCGI section 3.3", Echo: v == Skip}
		r := Result{Check: c, Verdict: v, Reason: reason, From: []string{"127.0.0.1:5"}, Begin: time.Unix(0, 0), Took: time.Millisecond}
		r.sent.keep([]byte("ab\x00"))
		return r
	}
	known := result("F1.5", Must, Fail, "z")
	known.Known = "it is so"
	return Outcome{Target: "fastcgi://127.0.0.1:1", Results: []Result{
		result("F1.1", Must, Pass, ""), result("F1.2", Must, Fail, "a|b \x1b <x>"), result("F1.3", Should, Warn, "w"),
		result("F1.4", May, Info, "i"), known, result("F2.1", Must, Skip, "why"), result("F2.2", Must, Skip, "why"),
	}}
}

func TestText(t *testing.T) {
	var b strings.Builder
	text := &Text{W: &b}
	for _, r := range outcome().Results {
		text.Write(r)
	}
	out := b.String()
	for _, want := range []string{"F1.1   M  does <it> ", " pass       1 ms\n", `a|b \x1b <x>`, "FastCGI section 3.3; from 127.0.0.1:5 at ", "61 62 00", "known: it is so\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "why"); n != 1 {
		t.Errorf("the reason of two skipped checks stands %d times; want once", n)
	}
	want := "1 passed, 1 failed, 1 warned, 1 known, 1 info, 2 skipped (--echo for 2 of them)"
	if got := Summarize(outcome().Results).String(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := WriteJSON(&b, outcome()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Pass    bool
		Summary struct{ Passed, Failed, Known int }
		Results []struct {
			ID, Verdict, Rule string
			Sent              struct {
				Total int
				Hex   string
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if r := got.Results[1]; got.Pass || got.Summary.Known != 1 || len(got.Results) != 7 || r.ID != "F1.2" || r.Verdict != "fail" || r.Sent.Hex != "616200" {
		t.Errorf("got %+v", got)
	}
}

func TestJUnit(t *testing.T) {
	for _, strict := range []bool{false, true} {
		o := outcome()
		o.Strict = strict
		var b strings.Builder
		if err := WriteJUnit(&b, o); err != nil {
			t.Fatal(err)
		}
		var got junitSuite
		if err := xml.Unmarshal([]byte(b.String()), &got); err != nil {
			t.Fatal(err)
		}
		failures := map[bool]int{false: 1, true: 2}[strict]
		if got.Tests != 7 || got.Failures != failures || got.Skipped != 3 || got.Cases[1].Failure.Message != `a|b \x1b <x>` {
			t.Errorf("strict %v: got %+v", strict, got)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b, outcome()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# fastcgi://127.0.0.1:1\n", "| F1.2 | MUST | does &lt;it> | fail |\n", `fail: a\|b \x1b &lt;x>`, "known: z (known: it is so)", "    sent 3 bytes  61 62 00"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

// full is a device without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestWriteErrors(t *testing.T) {
	if WriteJSON(full{}, outcome()) == nil || WriteJUnit(full{}, outcome()) == nil || WriteMarkdown(full{}, outcome()) == nil {
		t.Error("an error of the file is lost")
	}
}

// TestBadTargets: a target that accepts and is silent, and one that answers for ever, cost one line
// with a hint.
func TestBadTargets(t *testing.T) {
	for _, protocol := range []string{"fastcgi", "scgi"} {
		for name, hint := range map[string]string{"silent": "accepts connections and does not answer", "endless": "the answer begins with"} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				t.Parallel()
				r := badRun(t, protocol, name)
				results, err := r.All(t.Context(), For(protocol))
				if len(results) > 0 || cli.Status(err) != cli.StatusFailure || !strings.Contains(cli.Hint(err), hint) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %d results, %v, hint %q; want the hint %q", len(results), err, cli.Hint(err), hint)
				}
				// a silent target is not asked for each protocol for 3 s
				if each := target.Patience(err); name == "silent" && each != target.Brief {
					t.Errorf("each question that finds the protocol waits for %v; want %v", each, target.Brief)
				}
			})
		}
	}
}

func TestReadKnown(t *testing.T) {
	for text, fails := range map[string]bool{"": false, "# c\n\nf1.1 so\n": false, "F1.1": true, "F1.99 x": true, "x": true} {
		if _, err := ReadKnown(strings.NewReader(text)); (err != nil) != fails {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
