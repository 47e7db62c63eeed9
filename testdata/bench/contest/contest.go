//go:build linux

// Package contest is what the benchmarks of servers share: servers in processes of their own do the
// same work in turns, so that what else the machine does hits all alike. Linux only.
package contest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Contest lets servers do the same work in turns.
type Contest struct {
	Unit    string // of the work, "requests"
	Entries []*Entry
	Bounds  []Bound
	Ready   func() error // called when all servers listen; may be nil
	Work    func(c *Child) (done float64, took time.Duration, err error)
}

// Entry is one of the servers.
type Entry struct {
	Name  string
	Start func() (*Child, error)

	Child *Child          // once it is started
	Rates []float64       // work per second, of each round
	CPU   []time.Duration // of the server and its children for one piece of work, likewise
}

// Bound is a promise: the least that the ratio of two entries may be, taken in each round; the
// median of the rounds counts. Zero promises nothing: the ratio is only printed.
type Bound struct {
	Of, To string
	Least  float64
}

// Run starts the entries, all of them or those that the comma list only names, runs the rounds, and
// reports.
func (c *Contest) Run(rounds int, only string) error {
	c.pick(only)
	for _, e := range c.Entries {
		var err error
		if e.Child, err = e.Start(); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		defer e.Child.Stop()
	}
	if c.Ready != nil {
		if err := c.Ready(); err != nil {
			return err
		}
	}
	return c.rounds(rounds)
}

// rounds turns the order with each round. One that does not count comes first.
func (c *Contest) rounds(rounds int) error {
	c.printHead()
	for i := range rounds + 1 {
		for j := range c.Entries {
			e := c.Entries[(i+j)%len(c.Entries)]
			if err := e.round(c.Work, i > 0); err != nil {
				return fmt.Errorf("%s: %w", e.Name, err)
			}
		}
		if i > 0 {
			c.printRow(fmt.Sprint("round ", i), func(e *Entry) float64 { return e.Rates[i-1] })
		}
	}
	return c.report()
}

func (c *Contest) pick(only string) {
	if only != "" {
		c.Entries = slices.DeleteFunc(c.Entries, func(e *Entry) bool { return !slices.Contains(strings.Split(only, ","), e.Name) })
	}
}

func (e *Entry) round(work func(*Child) (float64, time.Duration, error), counts bool) error {
	before, err := e.Child.CPU()
	if err != nil {
		return err
	}
	done, took, err := work(e.Child)
	if err != nil || !counts {
		return err
	}
	after, err := e.Child.CPU()
	if err != nil {
		return err
	}
	e.Rates = append(e.Rates, done/took.Seconds())
	e.CPU = append(e.CPU, time.Duration(float64(after-before)/done))
	return nil
}

func (c *Contest) printHead() {
	fmt.Printf("%-12s", c.Unit+"/s")
	for _, e := range c.Entries {
		fmt.Printf(" %14s", e.Name)
	}
	fmt.Println()
}

func (c *Contest) printRow(name string, figure func(*Entry) float64) {
	fmt.Printf("%-12s", name)
	for _, e := range c.Entries {
		fmt.Printf(" %14.0f", figure(e))
	}
	fmt.Println()
}

// report prints the medians and the ratios. Its error names the bounds that do not hold.
func (c *Contest) report() error {
	c.printRow("median", func(e *Entry) float64 { return Median(e.Rates) })
	c.printRow("server's ns", func(e *Entry) float64 { return float64(Median(e.CPU)) })
	var under []error
	for _, b := range c.Bounds {
		of, to := c.Entry(b.Of), c.Entry(b.To)
		if of == nil || to == nil {
			continue
		}
		ratio := Median(Ratios(of.Rates, to.Rates))
		fmt.Printf("%s / %s: %.2f (by the servers' CPU time %.2f)", b.Of, b.To, ratio, float64(Median(to.CPU))/float64(Median(of.CPU)))
		if b.Least > 0 {
			fmt.Printf(", at least %.2f", b.Least)
		}
		fmt.Println()
		if ratio < b.Least {
			under = append(under, fmt.Errorf("%s / %s is %.3f, under its bound of %.2f", b.Of, b.To, ratio, b.Least))
		}
	}
	return errors.Join(under...)
}

// Entry returns the entry of that name, nil where there is none.
func (c *Contest) Entry(name string) *Entry {
	if i := slices.IndexFunc(c.Entries, func(e *Entry) bool { return e.Name == name }); i >= 0 {
		return c.Entries[i]
	}
	return nil
}

// Ratios returns the ratio of each round.
func Ratios(of, to []float64) []float64 {
	var all []float64
	for i := range of {
		all = append(all, of[i]/to[i])
	}
	return all
}

// Median returns the middle of all, the upper one of two.
func Median[T float64 | time.Duration](all []T) T {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
