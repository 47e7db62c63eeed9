package check

import (
	"encoding/xml"
	"fmt"
	"io"
)

// The elements of JUnit's XML that continuous integration reads.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Seconds string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the results as a test suite of JUnit's XML. A check that counts for the exit
// status is a failure, and one that is known to fail is skipped.
func WriteJUnit(w io.Writer, o Outcome) error {
	suite := junitSuite{Name: o.Target, Tests: len(o.Results)}
	for _, r := range o.Results {
		c := junitCase{Class: r.Group, Name: r.ID + " " + r.Rule, Seconds: fmt.Sprintf("%.3f", r.Took.Seconds())}
		switch {
		case r.Known != "":
			c.Skipped = &junitMessage{Message: "known: " + printable(r.Known)}
		case r.Verdict == Fail, r.Verdict == Warn && o.Strict:
			c.Failure = &junitMessage{printable(r.Reason), r.bytesText()}
			suite.Failures++
		case r.Verdict == Skip:
			c.Skipped = &junitMessage{Message: printable(r.Reason)}
		default:
			c.Output = printable(r.Reason)
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// bytesText is the section, the connections and the bytes of a result.
func (r *Result) bytesText() string {
	const most = 256
	return fmt.Sprintf("%s\nfrom %v at %s\nsent %d bytes  %s\ngot %d bytes  %s\n", r.Section, r.From, r.Begin.Format("15:04:05.000"),
		r.sent.total, r.sent.text(most), r.got.total, r.got.text(most))
}
