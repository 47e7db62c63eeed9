package check

import (
	"fmt"
	"os"
)

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
	err     error // if not nil, the class of the error, for errors.Is
}

// Error implements error.
func (f *finding) Error() string { return f.text }

// Unwrap returns what an error of this kind is: os.ErrDeadlineExceeded of late.
func (f *finding) Unwrap() error { return f.err }

// broken is the finding that the target does not keep the rule. The text says what came instead.
func broken(format string, args ...any) error { return &finding{"", fmt.Sprintf(format, args...), nil} }

// late is broken for an answer that did not come in time. Package target then waits less to find
// out why.
func late(format string, args ...any) error {
	return &finding{"", fmt.Sprintf(format, args...), os.ErrDeadlineExceeded}
}

// skipped is the finding that the check does not apply, and why.
func skipped(format string, args ...any) error {
	return &finding{Skip, fmt.Sprintf(format, args...), nil}
}

// noted is what the target does where the specification leaves it open.
func noted(format string, args ...any) error {
	return &finding{Info, fmt.Sprintf(format, args...), nil}
}

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
