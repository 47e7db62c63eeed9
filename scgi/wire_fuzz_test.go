package scgi

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
	"github.com/cgikit/cgikit/util"
)

// Whatever comes, and however it is cut: no panic, the same result from every kind of source, and a request that is accepted
// is, encoded again, the same request.
func FuzzRequest(f *testing.F) {
	for _, v := range vectors.Load(f, requests) {
		f.Add(v.Data, uint8(1))
		f.Add(v.Data, uint8(200))
	}
	f.Fuzz(func(t *testing.T, raw []byte, step uint8) {
		whole := describe(inputOf(plainSource{bytes.NewReader(raw)}))
		src := &keepingSource{raw, int(step) + 1}
		in := inputOf(src)
		if cut := describe(in); cut != whole {
			t.Fatalf("whole: %s; %d at a time: %s", whole, step, cut)
		}
		e, err := inputOf(plainSource{bytes.NewReader(raw)}).readHead(testLimits)
		if err != nil {
			return
		}
		if in.whole() && in.kept == 0 {
			t.Fatal("a whole request is not kept")
		}
		roundTrip(t, e)
	})
}

// roundTrip encodes e and decodes that.
func roundTrip(t *testing.T, e *util.Environ) {
	t.Helper()
	head, err := appendHead(nil, e, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := inputOf(plainSource{io.MultiReader(bytes.NewReader(head), bytes.NewReader(make([]byte, 7)))}).readHead(limits{})
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
