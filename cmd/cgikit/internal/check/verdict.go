package check

import "fmt"

// Verdict is what a check found.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail" // a MUST is broken
	Warn Verdict = "warn" // a SHOULD is broken
	Info Verdict = "info" // the specification leaves it open: what the target does
	Skip Verdict = "skip" // the check does not apply, or could not be tried
)

// finding is the outcome of a check that does not pass.
type finding struct {
	verdict Verdict // "" for a broken rule, of which the level makes the verdict
	text    string
}

// Error implements error.
func (f *finding) Error() string { return f.text }

// broken is the finding that the target does not keep the rule. The text says what came instead.
func broken(format string, args ...any) error { return &finding{"", fmt.Sprintf(format, args...)} }

// skipped is the finding that the check does not apply, and why.
func skipped(format string, args ...any) error { return &finding{Skip, fmt.Sprintf(format, args...)} }

// noted is what the target does where the specification leaves it open.
func noted(format string, args ...any) error { return &finding{Info, fmt.Sprintf(format, args...)} }

// verdictOf makes a verdict of the outcome of a check of a level.
func verdictOf(level Level, err error) (Verdict, string) {
	if err == nil {
		return Pass, ""
	}
	f, ok := err.(*finding)
	switch {
	case ok && f.verdict != "":
		return f.verdict, f.text
	case level == Must:
		return Fail, err.Error()
	case level == Should:
		return Warn, err.Error()
	}
	return Info, err.Error()
}
