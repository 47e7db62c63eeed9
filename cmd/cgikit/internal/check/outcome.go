package check

// Outcome is the results of a run and what was expected of it.
type Outcome struct {
	Target   string
	Strict   bool // a broken SHOULD counts too
	Results  []Result
	Repaired []string // ids that are known to fail and pass
}

// Passes reports whether the exit status is 0.
func (o *Outcome) Passes() bool { return Summarize(o.Results).Passes(o.Strict) }
