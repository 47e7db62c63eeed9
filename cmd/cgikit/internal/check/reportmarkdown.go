package check

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the results as a page: a summary, a table, and the details of what does not
// pass.
func WriteMarkdown(w io.Writer, o Outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n| id | level | rule | verdict |\n|---|---|---|---|\n", cell(o.Target), Summarize(o.Results))
	for _, r := range o.Results {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, r.Level, cell(r.Rule), r.verdictText())
	}
	for _, r := range o.Results {
		if r.Reason == "" || r.Verdict == Skip {
			continue
		}
		fmt.Fprintf(&b, "\n## %s: %s\n\n%s: %s", r.ID, cell(r.Rule), r.verdictText(), cell(r.Reason))
		if r.Known != "" {
			fmt.Fprintf(&b, " (known: %s)", cell(r.Known))
		}
		fmt.Fprintf(&b, "\n\n%s", indented(r.bytesText()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is text that changes no table and no heading.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "*", `\*`, "_", `\_`).Replace(printable(s))
}

// indented is a block of code.
func indented(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n    ") + "\n"
}
