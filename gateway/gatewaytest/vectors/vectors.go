// Package vectors loads wire vectors for tests, and replays them in each way in which a peer may
// deliver the bytes.
//
// A vector is a file under testdata: a text header, a blank line, and the raw bytes of the wire.
// The header's keys are expect (what a reader of the bytes must find, in the grammar of that test),
// spec (the rule, with its section) and comment. Lines of the header end in LF. Everything after
// the blank line is data. Unknown and missing keys fail the test, so that a misspelled expectation
// cannot pass.
//
// It serves this module's own tests, in gateway, cgi, scgi, fastcgi and cmd. Authors of other
// gateways need gatewaytest only.
package vectors

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// Vector is one file.
type Vector struct {
	Name    string // the file's name without its extension
	Expect  string
	Spec    string
	Comment string
	Data    []byte
}

// Load returns the vectors dir/*.vector, sorted by name. It fails the test when the folder has
// none, and for a file that is not a valid vector.
func Load(t testing.TB, dir string) []Vector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.vector"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors in %s (error: %v)", dir, err)
	}
	all := make([]Vector, 0, len(paths))
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		v.Name = strings.TrimSuffix(filepath.Base(path), ".vector")
		all = append(all, v)
	}
	return all
}

func parse(raw []byte) (Vector, error) {
	var v Vector
	head, data, ok := bytes.Cut(raw, []byte("\n\n"))
	if !ok {
		return v, fmt.Errorf("no blank line between header and data")
	}
	v.Data = data
	keys := map[string]*string{"expect": &v.Expect, "spec": &v.Spec, "comment": &v.Comment}
	for line := range strings.Lines(string(head) + "\n") {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		field := keys[key]
		if field == nil {
			return v, fmt.Errorf("unknown key in %q", line)
		}
		if *field != "" {
			return v, fmt.Errorf("key %q twice", key)
		}
		*field = value
	}
	if v.Expect == "" || v.Spec == "" {
		return v, fmt.Errorf("expect and spec are required")
	}
	return v, nil
}

// Replay calls check in a sub-test for each way of delivery: whole, byte by byte, in halves, and
// with io.EOF beside the last bytes.
func (v Vector) Replay(t *testing.T, check func(t *testing.T, r io.Reader)) {
	ways := []struct {
		name string
		wrap func(io.Reader) io.Reader
	}{
		{"whole", func(r io.Reader) io.Reader { return r }},
		{"byte by byte", iotest.OneByteReader},
		{"halved", iotest.HalfReader},
		{"error beside data", iotest.DataErrReader},
	}
	t.Run(v.Name, func(t *testing.T) {
		for _, way := range ways {
			t.Run(way.name, func(t *testing.T) { check(t, way.wrap(bytes.NewReader(v.Data))) })
		}
	})
}
