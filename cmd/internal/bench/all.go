package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/report"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// part is one work in one deployment.
type part struct {
	deployment, work string
	base             string // the peer that is compared with the others
	rounds           func(options, seen) (*rounds.Contest, error)
}

// measureAll compares this module with every peer that the machine has: all parts in turn, which
// takes about two minutes, or fifteen with -full.
func measureAll(o options) error {
	r := &report.Report{Began: time.Now(), Command: os.Args, Machine: report.ThisMachine()}
	r.Head(o.out)
	backend, err := peer.StartSelf(o.dir, "unix", []string{"work"})
	if err != nil {
		return err
	}
	defer backend.Stop()
	all, err := parts(o, backend)
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range all {
		if !strings.Contains(p.deployment+": "+p.work, o.part) {
			continue
		}
		if err := context.Cause(o.ctx); err != nil {
			return err
		}
		failed = append(failed, p.run(o, r))
	}
	r.Took = time.Since(r.Began)
	r.Tail(o.out)
	return errors.Join(append(failed, write(o.json, r.JSON), write(o.svg, r.SVG), writeMarkdown(o, r))...)
}

// run runs one part and writes its table. It returns an error that names the peers that failed.
func (p part) run(o options, r *report.Report) error {
	quiet := o
	quiet.out = io.Discard
	contest, err := p.rounds(quiet, func(one peer.Peer, process *peer.Process, err error) {
		note := report.Peer{Name: one.Name, Version: one.Version}
		if err != nil {
			note.Missing = err.Error()
			fmt.Fprintf(o.out, "left out of %s, %s: %s: %v\n", p.deployment, p.work, one.Name, err)
		} else {
			note.Command = process.Command
		}
		r.Note(note)
	})
	if contest != nil {
		r.Add(p.deployment, p.work, p.base, contest).Text(o.out)
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", p.deployment, p.work, err)
	}
	return nil
}

// write writes a file of that name, if it has one.
func write(name string, to func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(to(f), f.Close())
}
