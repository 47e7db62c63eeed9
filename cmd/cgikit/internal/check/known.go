package check

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Known are failures that are expected: the reason of each id.
type Known map[string]string

// ReadKnown reads a file of expected failures. A line is an id and the reason. Empty lines, and
// those that begin with #, do not count.
func ReadKnown(r io.Reader) (Known, error) {
	known := Known{}
	number := 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		number++
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		id, reason, _ := strings.Cut(text, " ")
		id, reason = strings.ToUpper(id), strings.TrimSpace(reason)
		switch {
		case !isCheck(id):
			return nil, fmt.Errorf("line %d: no check has the id %.32q", number, id)
		case reason == "":
			return nil, fmt.Errorf("line %d: no reason follows %s", number, id)
		}
		known[id] = reason
	}
	return known, nil
}

func isCheck(id string) bool {
	for _, c := range Checks() {
		if c.ID == id {
			return true
		}
	}
	return false
}

// Apply gives a failure that is known its reason, so that it does not count. It reports whether the
// check is known and passes.
func (k Known) Apply(r *Result) (repaired bool) {
	reason, ok := k[r.ID]
	if ok && (r.Verdict == Fail || r.Verdict == Warn) {
		r.Known = reason
	}
	return ok && r.Verdict == Pass
}
