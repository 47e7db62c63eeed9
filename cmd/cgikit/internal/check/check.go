package check

import (
	"fmt"
	"slices"
	"strings"
)

// Level says how binding a rule is.
type Level string

// The levels. A rule of level May has no wrong answer: its verdict is info.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
	May    Level = "MAY"
)

// Check is one rule and the function that tries it.
type Check struct {
	ID      string `json:"id"`    // the id of the requirement, a dot, and a number
	Group   string `json:"group"` // the protocol, a dot, and the subject: fastcgi.keepalive
	Level   Level  `json:"level"`
	Rule    string `json:"rule"`    // what the target does, in the present tense
	Section string `json:"section"` // of the document that has the rule
	Echo    bool   `json:"echo"`    // the application must be that of Echo

	// run returns nil if the target keeps the rule, else a *finding. Any other error counts as a
	// broken rule.
	run func(*probe) error
}

// protocol is the part of the group before the dot. The checks of "cgi" are of the application, and
// apply to each protocol but http.
func (c *Check) protocol() string {
	protocol, _, _ := strings.Cut(c.Group, ".")
	return protocol
}

// Checks returns all checks, in the order in which they run: those that may harm a target last.
func Checks() []Check {
	return slices.Concat(recordChecks, managementChecks, keepAliveChecks, multiplexChecks, abortChecks, bodyChecks,
		netstringChecks, scgiBodyChecks, applicationChecks, echoChecks, hostileChecks, scgiHostileChecks, httpChecks)
}

// For returns the checks of a protocol: fastcgi, scgi, cgi or http.
func For(protocol string) []Check {
	return slices.DeleteFunc(Checks(), func(c Check) bool {
		common := c.protocol() == "cgi" && protocol != "http"
		return c.protocol() != protocol && !common
	})
}

// Select returns the checks that the names choose, all without a name, but those that skip names. A
// name is an id (F17.1), a requirement (F17), a group (fastcgi.keepalive) or a protocol (fastcgi).
// The letter case does not matter. A name that chooses none is an error.
func Select(checks []Check, names, skip []string) ([]Check, error) {
	for _, name := range slices.Concat(names, skip) {
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.matches(name) }) {
			return nil, fmt.Errorf("no check has the id or the group %.64q", name)
		}
	}
	chosen := func(c Check, names []string) bool { return slices.ContainsFunc(names, c.matches) }
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool {
		return len(names) > 0 && !chosen(c, names) || chosen(c, skip)
	}), nil
}

func (c Check) matches(name string) bool {
	requirement, _, _ := strings.Cut(c.ID, ".")
	return slices.ContainsFunc([]string{c.ID, requirement, c.Group, c.protocol()}, func(own string) bool {
		return strings.EqualFold(own, name)
	})
}
