package check

import (
	"encoding/hex"
	"encoding/json"
	"io"
)

// report is the JSON of a whole run.
type report struct {
	Target  string       `json:"target"`
	Pass    bool         `json:"pass"`
	Summary Summary      `json:"summary"`
	Known   []string     `json:"knownThatPass,omitempty"`
	Results []jsonResult `json:"results"`
}

// jsonResult has the bytes of a result too.
type jsonResult struct {
	Result
	Sent, Got jsonBytes
}

// jsonBytes is one direction of a check.
type jsonBytes struct {
	Total int    `json:"total"`
	Hex   string `json:"hex"` // the first of them, in hexadecimal
}

// WriteJSON writes the results as one JSON object.
func WriteJSON(w io.Writer, o Outcome) error {
	r := report{Target: o.Target, Pass: o.Passes(), Summary: Summarize(o.Results), Known: o.Repaired}
	for _, result := range o.Results {
		r.Results = append(r.Results, jsonResult{result, result.sent.json(), result.got.json()})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (t *transcript) json() jsonBytes {
	return jsonBytes{t.total, hex.EncodeToString(t.kept)}
}

// WriteListJSON writes the checks without running them, as a JSON array.
func WriteListJSON(w io.Writer, checks []Check) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(checks)
}
