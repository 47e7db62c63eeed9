package ping

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// statusRange is one of the statuses of --expect-status.
type statusRange struct{ first, last int }

// parseStatuses reads a list such as "200,204", "2xx" or "200-399".
func parseStatuses(list string) (ranges []statusRange, err error) {
	if list == "" {
		return nil, nil
	}
	for s := range strings.SplitSeq(list, ",") {
		r, ok := parseStatusRange(strings.TrimSpace(s))
		if !ok {
			return nil, cli.Usage(fmt.Errorf("--expect-status %.64q is not a status", s), "such as 200, 2xx, 200-399, or 200,204")
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}

func parseStatusRange(s string) (r statusRange, ok bool) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		first, last = strings.ReplaceAll(strings.ToLower(s), "x", "0"), strings.ReplaceAll(strings.ToLower(s), "x", "9")
	}
	r.first, r.last = parseStatus(first), parseStatus(last)
	return r, r.first > 0 && r.first <= r.last
}

// parseStatus returns 0 for what is no status.
func parseStatus(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 100 || n > 599 {
		return 0
	}
	return n
}

func parseBody(expression string) (*regexp.Regexp, error) {
	if expression == "" {
		return nil, nil
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("--expect-body: %w", err), "it is a regular expression, such as ^pong$")
	}
	return re, nil
}
