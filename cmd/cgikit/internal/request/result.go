package request

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// showResult shows what a remote procedure call returned. A fault is an error of status 1.
func (x *exchanger) showResult(ctx context.Context, a *answer) error {
	r := x.request
	if a.code() >= 400 {
		err := fmt.Errorf("the answer is %.100s", a.statusText())
		return cli.Failure(err, r.knownAnswer(ctx, a, x.message))
	}
	parse := parseXMLResult
	if r.JSONRPC != "" {
		parse = parseJSONResult
	}
	value, err := parse(a.body)
	failed := (*fault)(nil)
	switch {
	case errors.As(err, &failed):
		return cli.Failure(err, x.faultHint(ctx, failed))
	case err != nil:
		err = fmt.Errorf("the answer cannot be read: %w; it begins %.100q", err, a.body)
		return &cli.Error{Err: err, Status: StatusNotProtocol}
	case r.Quiet || r.Output != "":
		return nil
	case r.JSON:
		return writeJSON(r.Stdout, jsonValue(value))
	}
	return writeValue(r.Stdout, value)
}

// writeValue writes a value for people: a text or a number on a line, the items of a list of such
// each on one, and everything else as JSON.
func writeValue(w io.Writer, value any) error {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	if slices.ContainsFunc(list, isComplex) {
		text, err := json.MarshalIndent(jsonValue(value), "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", text)
		}
		return err
	}
	for _, item := range list {
		if bytes, ok := item.(blob); ok {
			item = string(bytes)
		}
		if _, err := fmt.Fprintln(w, item); err != nil {
			return err
		}
	}
	return nil
}

func isComplex(value any) bool {
	switch value.(type) {
	case []any, map[string]any, nil:
		return true
	}
	return false
}

// jsonValue is a value as encoding/json writes it: bytes are base64.
func jsonValue(value any) any {
	switch v := value.(type) {
	case blob:
		return []byte(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = jsonValue(item)
		}
		return list
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			members[name] = jsonValue(member)
		}
		return members
	}
	return value
}

// faultNoMethod is the code of xmlrpc-c, and so of rTorrent, for a method that does not exist.
const faultNoMethod = -506

// faultHint names methods that are called nearly like one that does not exist.
func (x *exchanger) faultHint(ctx context.Context, f *fault) string {
	r := x.request
	if f.code != faultNoMethod || r.XMLRPC == "" {
		return ""
	}
	names, err := x.methods(ctx)
	if err != nil {
		return ""
	}
	near := nearest(r.XMLRPC, names)
	if len(near) == 0 {
		return "--xmlrpc system.listMethods lists the methods"
	}
	return "did you mean " + strings.Join(near, " or ") + "?"
}

// methods asks for the names of all methods, on another connection.
func (x *exchanger) methods(ctx context.Context) ([]string, error) {
	r := *x.request
	r.XMLRPC, r.Args, r.Verbose, r.Silent, r.Repeat = "system.listMethods", nil, 0, true, 1
	m, err := r.newMessage(ctx)
	if err != nil {
		return nil, err
	}
	backend, t, err := r.open(m)
	if err != nil {
		return nil, err
	}
	defer backend.Close()
	a := &answer{stderr: r.newErrorStream()}
	other := &exchanger{m, backend, t, r.newOutput()}
	t.begin()
	if _, err := other.perform(ctx, a); err != nil {
		return nil, err
	}
	value, err := parseXMLResult(a.body)
	list, _ := value.([]any)
	names := make([]string, 0, len(list))
	for _, name := range list {
		names = append(names, fmt.Sprint(name))
	}
	return names, err
}

// nearest returns up to three names that differ from name by few letters, or have its last part.
func nearest(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var list []candidate
	_, last, _ := strings.Cut(name, ".")
	for _, other := range names {
		d := editDistance(name, other)
		if last != "" && strings.HasSuffix(other, "."+last) {
			d = min(d, 1)
		}
		if d <= max(2, len(name)/4) {
			list = append(list, candidate{other, d})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return a.distance - b.distance })
	var near []string
	for _, c := range list[:min(len(list), 3)] {
		near = append(near, c.name)
	}
	return near
}

// editDistance is how many letters must be put in, taken out or replaced to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
