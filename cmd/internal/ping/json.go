package ping

import (
	"encoding/json"
	"io"
)

// report is a result as --json writes it, one on each line.
type report struct {
	Target  string            `json:"target"`
	State   string            `json:"state"`
	Healthy bool              `json:"healthy"`
	Cause   string            `json:"cause,omitempty"`
	Hint    string            `json:"hint,omitempty"`
	Latency float64           `json:"latency_seconds"`
	Status  int               `json:"status,omitempty"`
	Queue   *queueReport      `json:"queue"` // null where it is unknown
	Pool    string            `json:"pool,omitempty"`
	Manager string            `json:"process_manager,omitempty"`
	Page    map[string]int64  `json:"page,omitempty"`
	Values  map[string]string `json:"values,omitempty"`
}

type queueReport struct {
	Waiting int `json:"waiting"`
	Limit   int `json:"limit"`
}

func (p *plan) writeJSON(results []*Result, w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, r := range results {
		if err := encoder.Encode(newReport(r, p.live)); err != nil {
			return err
		}
	}
	return nil
}

func newReport(r *Result, live bool) report {
	out := report{
		Target:  r.Target.Name,
		State:   r.State.String(),
		Healthy: r.healthy(live),
		Cause:   r.Cause,
		Hint:    r.Hint,
		Latency: r.Latency.Seconds(),
		Status:  r.Answer.status,
		Values:  r.Answer.values,
	}
	if r.Queue.Known {
		out.Queue = &queueReport{r.Queue.Waiting, r.Queue.Limit}
	}
	if pool := r.Answer.pool; pool != nil {
		out.Pool, out.Manager, out.Page = pool.Name, pool.Manager, pool.Numbers
	}
	return out
}
