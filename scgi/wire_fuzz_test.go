package scgi

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
	"github.com/cgikit/cgikit/util"
)

// FuzzRequest: whatever comes, and however it is cut, there is no panic and the same result, and a
// request that is accepted is, encoded again, the same request.
func FuzzRequest(f *testing.F) {
	for _, v := range vectors.Load(f, requests) {
		f.Add(v.Data, uint8(1))
		f.Add(v.Data, uint8(200))
	}
	f.Fuzz(func(t *testing.T, raw []byte, step uint8) {
		complete := describe(inputOf(bytes.NewReader(raw)))
		if cut := describe(inputOf(&stepped{bytes.NewReader(raw), int(step) + 1})); cut != complete {
			t.Fatalf("complete: %s; %d at a time: %s", complete, step, cut)
		}
		if e, err := readHead(inputOf(bytes.NewReader(raw)), new(util.EnvironText), testLimits); err == nil {
			roundTrip(t, e)
		}
	})
}

// stepped gives at most step bytes at a time.
type stepped struct {
	r    io.Reader
	step int
}

func (s *stepped) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.step)]) }

// roundTrip encodes e and decodes that.
func roundTrip(t *testing.T, e *util.Environ) {
	t.Helper()
	head, err := appendHead(nil, e, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := readHead(inputOf(io.MultiReader(bytes.NewReader(head), bytes.NewReader(make([]byte, 7)))), new(util.EnvironText), limits{})
	if err != nil {
		t.Fatalf("%q: %v", head, err)
	}
	want := []string{"CONTENT_LENGTH=7", "SCGI=1"}
	for name, value := range e.All() {
		if name != "CONTENT_LENGTH" && name != "SCGI" {
			want = append(want, name+"="+value)
		}
	}
	var got []string
	for name, value := range again.All() {
		got = append(got, name+"="+value)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q; want %q", got, want)
	}
}
