// Package rounds compares programs that do the same work. They take turns in short rounds, so that
// other work of the machine affects all of them alike, and what is compared is the ratio within
// each round.
package rounds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Sample is what one program did in one round.
type Sample struct {
	Done float64       // pieces of work; more than zero
	Took time.Duration // by the clock on the wall
	CPU  time.Duration // processor time that the program and its children used; 0: not known
	More []float64     // a figure for each of the contest's Measures
}

// Measure is a figure beside rate and processor time, of which less is better.
type Measure struct {
	Name string `json:"name"` // "p99"
	Unit string `json:"unit"` // "us"
}

// Rate returns the pieces of work per second.
func (s Sample) Rate() float64 { return s.Done / s.Took.Seconds() }

// Cost returns the processor time of one piece of work in nanoseconds.
func (s Sample) Cost() float64 { return float64(s.CPU) / s.Done }

// Entry is one of the programs.
type Entry struct {
	Name string
	Work func() (Sample, error) // does the work of one round

	Samples []Sample // of the rounds that count, in order
}

// Rates returns the rate of each round.
func (e *Entry) Rates() []float64 { return each(e.Samples, Sample.Rate) }

// More returns the figure of a measure in each round. i is its index in the contest's Measures.
func (e *Entry) More(i int) []float64 {
	return each(e.Samples, func(s Sample) float64 { return s.More[i] })
}

// Costs returns the processor time of a piece of work in each round, in nanoseconds.
func (e *Entry) Costs() []float64 { return each(e.Samples, Sample.Cost) }

func each(samples []Sample, figure func(Sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return values
}

// Bound is a pair of entries whose ratio is reported, and the least that its median may be. A Least
// of zero promises nothing.
type Bound struct {
	Of, To string
	Least  float64
}

// Contest has entries do the same work.
type Contest struct {
	Title   string // says what the work is; may be empty
	Unit    string // of the work, in the plural: "requests"
	Entries []*Entry
	Bounds  []Bound // those that name an entry that does not take part are left out

	Measures []Measure
	Asked    float64 // pieces of work per second that are asked for; 0: as many as an entry can do
}

// Entry returns the entry of that name, nil where no entry has it.
func (c *Contest) Entry(name string) *Entry {
	if i := slices.IndexFunc(c.Entries, func(e *Entry) bool { return e.Name == name }); i >= 0 {
		return c.Entries[i]
	}
	return nil
}

// Run does one round that does not count and then n that do, and writes each to out as it ends. The
// entry that begins changes with each round. Run stops between two pieces of work when ctx ends.
func (c *Contest) Run(ctx context.Context, n int, out io.Writer) error {
	if n < 1 || len(c.Entries) == 0 {
		return errors.New("no rounds, or nothing to compare")
	}
	t := c.table(out)
	for i := range n + 1 {
		if err := c.round(ctx, i); err != nil {
			return err
		}
		if i > 0 {
			t.row(fmt.Sprint("round ", i), c.figures(func(e *Entry) float64 { return e.Samples[i-1].Rate() }))
		}
	}
	return nil
}

// round has each entry work once. Round 0 does not count.
func (c *Contest) round(ctx context.Context, i int) error {
	for j := range c.Entries {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		e := c.Entries[(i+j)%len(c.Entries)]
		s, err := e.Work()
		if err == nil && (s.Done <= 0 || s.Took <= 0) {
			err = errors.New("nothing was done in a round")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		if i > 0 {
			e.Samples = append(e.Samples, s)
		}
	}
	return nil
}

// Comparison is the ratio of two entries.
type Comparison struct {
	Bound
	Rate Figure // rate of Of by that of To
	CPU  Figure // processor time of To by that of Of, so that more is better here too; zero: not known
}

// Comparisons returns the ratios that Bounds names. It is called after Run.
func (c *Contest) Comparisons() []Comparison {
	var all []Comparison
	for _, b := range c.Bounds {
		of, to := c.Entry(b.Of), c.Entry(b.To)
		if of == nil || to == nil {
			continue
		}
		all = append(all, Comparison{
			Bound: b,
			Rate:  Summarize(Ratios(of.Rates(), to.Rates())),
			CPU:   Summarize(Ratios(to.Costs(), of.Costs())),
		})
	}
	return all
}

// Check returns an error that names each ratio whose median is under its bound.
func (c *Contest) Check() error {
	var under []error
	for _, r := range c.Comparisons() {
		if r.Rate.Median < r.Least {
			under = append(under, fmt.Errorf("%s / %s is %.3f, under its bound of %.2f", r.Of, r.To, r.Rate.Median, r.Least))
		}
	}
	return errors.Join(under...)
}
