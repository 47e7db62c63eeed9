package tour

import (
	"testing"
	"time"
)

func TestDescribe(t *testing.T) {
	plain := answer{deployment: &deployment{Name: "HTTP"}, Environ: environ("A=1", "B=1", "CONTENT_LENGTH=0")}
	other := answer{deployment: &deployment{Name: "FastCGI"}, Environ: environ("B=1", "A=1", "PATH=/bin", "NEW=1")}

	w := describe(other, plain)
	if len(w.Adds) != 2 || w.Adds[0] != (remark{"PATH", whyAdded("PATH")}) || w.Adds[1].Name != "NEW" {
		t.Errorf("got adds %v; want PATH and NEW", w.Adds)
	}
	if len(w.Lacks) != 1 || w.Lacks[0].Name != "CONTENT_LENGTH" || w.Lacks[0].Why == whyLacking("A") {
		t.Errorf("got lacks %v; want CONTENT_LENGTH with its own reason", w.Lacks)
	}
	if w.Order == "" {
		t.Error("got no word of the order")
	}
	if w := describe(plain, plain); w.Adds != nil || w.Lacks != nil || w.Order != "" || w.How == "" {
		t.Errorf("got %+v of plain HTTP beside itself", w)
	}
	for _, pair := range [][2]answer{{{deployment: other.deployment}, plain}, {other, {deployment: plain.deployment}}} {
		if w := describe(pair[0], pair[1]); w.Adds != nil || w.Lacks != nil || w.Nature == "" {
			t.Errorf("got %+v where one did not answer; want no comparison", w)
		}
	}
}

// Each deployment has its own text.
func TestWordsAreComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range []string{"HTTP", "FastCGI", "SCGI", "CGI"} {
		for _, text := range []string{how(name), nature(name)} {
			if text == "" || seen[text] {
				t.Errorf("%s: got %q", name, text)
			}
			seen[text] = true
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		61499 * time.Nanosecond:    "61 µs",
		999 * time.Microsecond:     "999 µs",
		1560 * time.Microsecond:    "1.6 ms",
		22400 * time.Microsecond:   "22 ms",
		1500 * time.Millisecond:    "1500 ms",
		12345678 * time.Nanosecond: "12 ms",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: got %q; want %q", d, got, want)
		}
	}
}
