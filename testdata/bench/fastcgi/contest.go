//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// contest lets servers do the same work in turns.
type contest struct {
	unit    string // of the work, "requests"
	entries []*entry
	bounds  []bound
	ready   func() error // called when all servers listen; may be nil
	work    func(c *child) (done float64, took time.Duration, err error)
}

type entry struct {
	name  string
	start func() (*child, error)

	child *child
	rates []float64       // work per second, of each round
	cpu   []time.Duration // of the server for one piece of work, likewise
}

// bound is a promise: the least that the ratio of two entries may be, taken in each round; the median of the rounds counts. Zero
// promises nothing: the ratio is only printed.
type bound struct {
	of, to string
	least  float64
}

// run starts the entries, runs the rounds, and reports.
func (c *contest) run(s settings) error {
	c.pick(s.only)
	for _, e := range c.entries {
		var err error
		if e.child, err = e.start(); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		defer e.child.stop()
	}
	if c.ready != nil {
		if err := c.ready(); err != nil {
			return err
		}
	}
	return c.rounds(s)
}

// rounds turns the order with each round. One that does not count comes first.
func (c *contest) rounds(s settings) error {
	c.printHead()
	for i := range s.rounds + 1 {
		for j := range c.entries {
			e := c.entries[(i+j)%len(c.entries)]
			if err := e.round(c.work, i > 0); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
		}
		if i > 0 {
			c.printRow(fmt.Sprint("round ", i), func(e *entry) float64 { return e.rates[i-1] })
		}
	}
	return c.report()
}

func (c *contest) pick(only string) {
	if only != "" {
		c.entries = slices.DeleteFunc(c.entries, func(e *entry) bool { return !slices.Contains(strings.Split(only, ","), e.name) })
	}
}

func (e *entry) round(work func(*child) (float64, time.Duration, error), counts bool) error {
	before, err := e.child.cpu()
	if err != nil {
		return err
	}
	done, took, err := work(e.child)
	if err != nil || !counts {
		return err
	}
	after, err := e.child.cpu()
	if err != nil {
		return err
	}
	e.rates = append(e.rates, done/took.Seconds())
	e.cpu = append(e.cpu, time.Duration(float64(after-before)/done))
	return nil
}

func (c *contest) printHead() {
	fmt.Printf("%-12s", c.unit+"/s")
	for _, e := range c.entries {
		fmt.Printf(" %14s", e.name)
	}
	fmt.Println()
}

func (c *contest) printRow(name string, figure func(*entry) float64) {
	fmt.Printf("%-12s", name)
	for _, e := range c.entries {
		fmt.Printf(" %14.0f", figure(e))
	}
	fmt.Println()
}

// report prints the medians and the ratios. Its error names the bounds that do not hold.
func (c *contest) report() error {
	c.printRow("median", func(e *entry) float64 { return median(e.rates) })
	c.printRow("server's ns", func(e *entry) float64 { return float64(median(e.cpu)) })
	var under []error
	for _, b := range c.bounds {
		of, to := c.entry(b.of), c.entry(b.to)
		if of == nil || to == nil {
			continue
		}
		ratio := median(ratios(of.rates, to.rates))
		fmt.Printf("%s / %s: %.2f (by the servers' CPU time %.2f)", b.of, b.to, ratio, float64(median(to.cpu))/float64(median(of.cpu)))
		if b.least > 0 {
			fmt.Printf(", at least %.2f", b.least)
		}
		fmt.Println()
		if ratio < b.least {
			under = append(under, fmt.Errorf("%s / %s is %.3f, under its bound of %.2f", b.of, b.to, ratio, b.least))
		}
	}
	return errors.Join(under...)
}

func (c *contest) entry(name string) *entry {
	if i := slices.IndexFunc(c.entries, func(e *entry) bool { return e.name == name }); i >= 0 {
		return c.entries[i]
	}
	return nil
}

func ratios(of, to []float64) []float64 {
	var all []float64
	for i := range of {
		all = append(all, of[i]/to[i])
	}
	return all
}

func median[T float64 | time.Duration](all []T) T {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
