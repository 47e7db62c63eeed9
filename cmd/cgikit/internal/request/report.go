package request

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// report shows what is left to show of an answer, and returns what the verb ends with. Err is that
// of the exchange.
func (x *exchanger) report(ctx context.Context, a *answer, err error) error {
	r := x.request
	hint := ""
	switch {
	case err != nil:
		err = r.exitError(ctx, a, err)
	case r.isCall():
		x.showEnd(a)
		err = x.showResult(ctx, a)
	default:
		x.showEnd(a)
		hint = r.knownAnswer(ctx, a, x.message)
		err = x.verdict(ctx, a, hint)
	}
	if writeErr := x.writeReport(a, err); writeErr != nil && err == nil {
		err = &cli.Error{Err: writeErr, Status: StatusWriteFailed}
	}
	if err == nil {
		r.hint(hint)
	}
	return err
}

// verdict is the error that an answer means by itself: -f, or an HTTP server that refused what is
// not HTTP.
func (x *exchanger) verdict(ctx context.Context, a *answer, hint string) error {
	r := x.request
	switch {
	case r.Fail && a.code() >= 400:
		return &cli.Error{Err: fmt.Errorf("the answer is %.100s", a.statusText()), Hint: hint, Status: StatusHTTPError}
	case r.isRefusedByHTTP(ctx, a):
		return &cli.Error{Err: fmt.Errorf("the answer is that of an HTTP server: %.100s", a.statusText()), Hint: hint, Status: StatusNotProtocol}
	}
	return nil
}

// writeReport writes the JSON of the exchange, and what -w asks for.
func (x *exchanger) writeReport(a *answer, err error) error {
	r := x.request
	if r.JSON && !r.Quiet && !(r.isCall() && err == nil) {
		if err := r.writeJSON(a, err); err != nil {
			return err
		}
	}
	if r.WriteOut == "" || r.Quiet {
		return nil
	}
	text, _ := expandFormat(r.WriteOut, a.outValue) // check has refused a bad one
	_, writeErr := io.WriteString(r.Stdout, text)
	return writeErr
}

// jsonAnswer is the result as JSON. Times are in milliseconds.
type jsonAnswer struct {
	Target         string      `json:"target"`
	Status         int         `json:"status"` // 0 for no answer
	StatusText     string      `json:"status_text,omitempty"`
	Head           [][2]string `json:"head,omitempty"`
	Body           *string     `json:"body,omitempty"`        // if it is UTF-8
	BodyBytes      []byte      `json:"body_base64,omitempty"` // if it is not
	BodyCut        bool        `json:"body_cut,omitempty"`    // body has its first MiB
	Size           int64       `json:"size"`
	Stderr         string      `json:"stderr,omitempty"`
	StderrSize     int64       `json:"stderr_size"`
	ExitStatus     *int        `json:"exit_status,omitempty"`
	ProtocolStatus *int        `json:"protocol_status,omitempty"`
	Connect        float64     `json:"time_connect_ms"`
	HeadTime       float64     `json:"time_head_ms"`
	Total          float64     `json:"time_total_ms"`
	Error          string      `json:"error,omitempty"`
	Hint           string      `json:"hint,omitempty"`
}

func (r *Request) writeJSON(a *answer, err error) error {
	j := jsonAnswer{
		Target: r.Target.Name, Status: a.code(), Size: a.size,
		Stderr: string(a.stderr.kept), StderrSize: a.stderr.size,
		Connect: milliseconds(a.tapped.connect), HeadTime: milliseconds(a.head), Total: milliseconds(a.total),
		Hint: cli.Hint(err),
	}
	if err != nil {
		j.Error = err.Error()
	}
	if a.fields != nil {
		j.StatusText = a.statusText()
		for name, value := range a.fields.All() {
			j.Head = append(j.Head, [2]string{name, r.mask(name, value)})
		}
	}
	if r.Output == "" {
		j.setBody(a)
	}
	if a.exit != unknownStatus {
		j.ExitStatus = &a.exit
	}
	if a.protocol != unknownStatus {
		j.ProtocolStatus = &a.protocol
	}
	return writeJSON(r.Stdout, j)
}

func (j *jsonAnswer) setBody(a *answer) {
	if text := string(a.body); utf8.ValidString(text) {
		j.Body = &text
	} else {
		j.BodyBytes = a.body
	}
	j.BodyCut = a.size > int64(len(a.body))
}

// writeJSON writes v on one line.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
