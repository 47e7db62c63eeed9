package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// finish writes the files and the other forms of output, and checks the conditions.
func (r *run) finish(ctx context.Context) error {
	if err := r.writeFiles(); err != nil {
		return err
	}
	if err := r.writeForms(); err != nil {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return cli.Failure(errors.New("out of time before the measurement was over"), "--timeout bounds the whole")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := r.checkConditions(); err != nil {
		return err
	}
	return r.checkAnswers()
}

// checkAnswers is an error where not one request had a right answer.
func (r *run) checkAnswers() error {
	for _, d := range r.results {
		if d.OK > 0 {
			return nil
		}
	}
	if len(r.results) == 0 {
		return nil
	}
	return cli.Failure(fmt.Errorf("no request had a right answer: %.200s", counts(r.results[0].Errors)),
		fmt.Sprintf("cgikit request -v '%.200s' '%.200s' shows the answer", r.results[0].Target, r.results[0].Path))
}

func (r *run) writeFiles() error {
	all := append(r.from, r.results...)
	if r.files.histogram != nil {
		if err := r.files.hdr.write(r.files.writeHDR); err != nil {
			return err
		}
	}
	if len(r.results) > 0 {
		if err := r.files.save.write(func(w io.Writer) error { return writeJSON(w, r.results) }); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	return r.files.plot.write(func(w io.Writer) error { return writePlot(w, all) })
}

// writeForms writes the output of --json and --csv, and the results of --from for people.
func (r *run) writeForms() error {
	for _, d := range r.from {
		if err := d.writeText(r.out); err != nil {
			return err
		}
	}
	all := append(r.from, r.results...)
	switch {
	case r.Quiet || len(all) == 0:
		return nil
	case r.CSV:
		return writeCSV(r.Request.Stdout, all)
	case r.JSON && len(all) == 1:
		return writeJSON(r.Request.Stdout, all[0])
	case r.JSON:
		return writeJSON(r.Request.Stdout, several{all, r.ratio, r.knee})
	}
	return nil
}

// several is more than one result, as JSON.
type several struct {
	Results []*Data `json:"results"`
	Ratio   *ratio  `json:"ratio,omitempty"`
	Knee    int     `json:"knee,omitempty"`
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
