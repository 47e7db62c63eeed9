package vectors

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     Vector
		fails    bool
	}{
		{name: "all keys", in: "expect: a\nspec: b\ncomment: c\n\nraw", want: Vector{Expect: "a", Spec: "b", Comment: "c", Data: []byte("raw")}},
		{name: "data may have blank lines", in: "expect: a\nspec: b\n\n\n\nx", want: Vector{Expect: "a", Spec: "b", Data: []byte("\n\nx")}},
		{name: "unknown key", in: "expct: a\nspec: b\n\nraw", fails: true},
		{name: "key twice", in: "expect: a\nexpect: a\nspec: b\n\nraw", fails: true},
		{name: "no spec", in: "expect: a\n\nraw", fails: true},
		{name: "no blank line", in: "expect: a\nspec: b", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parse([]byte(c.in))
			if c.fails != (err != nil) {
				t.Fatalf("got error %v; want an error: %v", err, c.fails)
			}
			if !c.fails && fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

func TestReplayDeliversAllBytesFourTimes(t *testing.T) {
	times := 0
	Vector{Name: "v", Data: []byte("0123456789")}.Replay(t, func(t *testing.T, r io.Reader) {
		times++
		if got, err := io.ReadAll(r); string(got) != "0123456789" || err != nil {
			t.Errorf("got %q, %v; want all bytes", got, err)
		}
	})
	if times != 4 {
		t.Errorf("got %d ways; want 4", times)
	}
}

func ExampleVector_Replay() {
	dir, _ := os.MkdirTemp("", "vectors")
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "hello.vector"), []byte("expect: ok\nspec: none\n\nhello"), 0o600)

	t := &testing.T{} // a test has its own
	for _, v := range Load(t, dir) {
		fmt.Printf("%s must be %s: %s\n", v.Name, v.Expect, v.Data)
	}
	// Output: hello must be ok: hello
}
