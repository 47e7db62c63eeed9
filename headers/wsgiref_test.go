package headers_test

import (
	"fmt"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

// Each behaviour of wsgiref.headers.Headers with its counterpart here. The Python results were
// observed on CPython 3.11 and 3.13; those marked "main" were read in its source. A row with a
// departure names the difference, which the documentation of Headers or of AddHeader lists.
func TestWsgiref(t *testing.T) {
	type H = headers.Headers
	tests := []struct {
		python    string // starts from Headers([("A", "1"), ("B", "2"), ("a", "3")])
		departure string
		do        func(h *H) any
		want      any
	}{
		{`Headers().items() == []`, "", func(*H) any { return headers.New().Len() }, 0},
		{`Headers(l)["N"] = "1" changes l`, "a Headers owns its storage", func(*H) any {
			l := []headers.Field{{Name: "N", Value: "1"}}
			_ = headers.New(l...).Set("N", "2")
			return l[0].Value
		}, "1"},
		{`Headers([("N", 1)]) raises AssertionError`, "the compiler sees to that", func(*H) any {
			return headers.New(headers.Field{}).Err() != nil
		}, true},

		{`h["a"] == "1"; h.get("a") == "1"`, "", func(h *H) any { return h.Get("a") }, "1"},
		{`h["x"] is None; h.get("x", "d") == "d"`, `"" and false: the default is the caller's`, func(h *H) any {
			v, ok := h.Lookup("x")
			return fmt.Sprint(v, ok)
		}, "false"},
		{`"b" in h`, "", func(h *H) any { return h.Has("b") }, true},
		{`"x" in h is False`, "", func(h *H) any { return h.Has("x") }, false},
		{`"\u212a" in Headers([("K", "1")]) is True`, "ASCII rules", func(*H) any {
			return headers.New(headers.Field{Name: "K", Value: "1"}).Has("\u212a")
		}, false},
		{`h["a"] = "4"`, "", func(h *H) any { return wireAfter(h, h.Set("a", "4")) }, "B: 2\r\na: 4\r\n"},
		{`del h["a"]`, "", func(h *H) any { h.Del("a"); return wireOf(h) }, "B: 2\r\n"},
		{`del h["x"]`, "", func(h *H) any { h.Del("x"); return h.Len() }, 3},
		{`h.get_all("A") == ["1", "3"]`, "", func(h *H) any { return fmt.Sprint(h.GetAll("A")) }, "[1 3]"},
		{`h.get_all("x") == []`, "", func(h *H) any { return len(h.GetAll("x")) }, 0},
		{`h.keys() == ["A", "B", "a"]`, "", func(h *H) any { return fmt.Sprint(h.Keys()) }, "[A B a]"},
		{`h.values() == ["1", "2", "3"]`, "", func(h *H) any { return fmt.Sprint(h.Values()) }, "[1 2 3]"},
		{`h.items().clear() leaves h`, "", func(h *H) any { clear(h.Items()); return h.Get("A") }, "1"},
		{`len(h) == 3`, "", func(h *H) any { return h.Len() }, 3},
		{`h.setdefault("b", "9") == "2"`, "", func(h *H) any { v, _ := h.SetDefault("b", "9"); return v + wireOf(h) },
			"2A: 1\r\nB: 2\r\na: 3\r\n"},
		{`h.setdefault("x", "9") == "9"`, "", func(h *H) any { v, _ := h.SetDefault("x", "9"); return v + wireOf(h) },
			"9A: 1\r\nB: 2\r\na: 3\r\nx: 9\r\n"},

		{`h.add_header("A", "4") appends`, "", func(h *H) any { return wireAfter(h, h.AddHeader("A", "4")) },
			"A: 1\r\nB: 2\r\na: 3\r\nA: 4\r\n"},
		{`h.add_header("N", "v", x="1")`, "", added("v", headers.Param{Name: "x", Value: "1"}), `v; x="1"`},
		{`h.add_header("N", None, x="1", y="2") -> x="1"; y="2"`, "",
			added("", headers.Param{Name: "x", Value: "1"}, headers.Param{Name: "y", Value: "2"}), `x="1"; y="2"`},
		{`h.add_header("N", "", x="1") -> ; x="1"`, "no parameter before the first", added("", headers.Param{Name: "x", Value: "1"}), `x="1"`},
		{`h.add_header("N", None) -> empty`, "", added(""), ""},
		{`h.add_header("N", "v", x_y="1") -> v; x-y="1"`, "names are taken as they are",
			added("v", headers.Param{Name: "x_y", Value: "1"}), `v; x_y="1"`},
		{`h.add_header("N", "v", x=None) -> v; x`, "", added("v", headers.Param{Name: "x", Bare: true}), "v; x"},
		{`h.add_header("N", "v", x="") -> v; x`, "an empty value is written", added("v", headers.Param{Name: "x"}), `v; x=""`},
		{`h.add_header("N", "v", x='q"\\')`, "", added("v", headers.Param{Name: "x", Value: `q"\`}), `v; x="q\"\\"`},
		{`h.add_header("N", "v", x="é") -> v; x="\xe9"`, "RFC 8187", added("v", headers.Param{Name: "x", Value: "é"}), "v; x*=UTF-8''%C3%A9"},

		{`str(h)`, "", func(h *H) any { return h.String() }, "A: 1\r\nB: 2\r\na: 3\r\n\r\n"},
		{`str(Headers()) == "\r\n"`, "", func(*H) any { return new(H).String() }, "\r\n"},
		{`bytes(Headers([("N", "€")])) raises UnicodeEncodeError`, "bytes pass", func(*H) any {
			return wireOf(headers.New(headers.Field{Name: "N", Value: "€"}))
		}, "N: €\r\n"},

		{`h["N"] = "\r\nX: y" is written out; main raises ValueError`, "as main",
			func(h *H) any { return wireAfter(h, h.Set("N", "\r\nX: y")) }, "refused"},
		{`h["N"] = "a\tb"`, "", func(h *H) any { return wireAfter(h, h.Set("N", "a\tb")) }, "A: 1\r\nB: 2\r\na: 3\r\nN: a\tb\r\n"},
		{`h["N\n"] = "v": main raises ValueError`, "", func(h *H) any { return wireAfter(h, h.Set("N\n", "v")) }, "refused"},
		{`h.add_header("N", "v", **{"x\n": "1"}): main raises ValueError`, "", func(h *H) any {
			return wireAfter(h, h.AddHeader("N", "v", headers.Param{Name: "x\n", Value: "1"}))
		}, "refused"},
		{`h.add_header("N", "v", x="\n"): main raises ValueError`, "", func(h *H) any {
			return wireAfter(h, h.AddHeader("N", "v", headers.Param{Name: "x", Value: "\n"}))
		}, "refused"},
		{`h.get("a\n"), del h["a\n"]: main raises ValueError`, "finds nothing", func(h *H) any {
			h.Del("a\n")
			return fmt.Sprint(h.Has("a\n"), h.Len(), h.Err())
		}, "false 3 <nil>"},
		{`Headers([("N", "a\r\nb")]): main raises ValueError, but not with -O`, "always refused", func(*H) any {
			h := headers.New(headers.Field{Name: "N", Value: "a\r\nb"})
			return wireAfter(h, h.Err())
		}, "refused"},
		{`h["a b:c"] = "1" is written out`, "names are tokens", func(h *H) any { return wireAfter(h, h.Set("a b:c", "1")) }, "refused"},
		{`h["N"] = " v " is written out`, "white space is dropped", func(h *H) any { return wireAfter(h, h.Set("N", " v ")) },
			"A: 1\r\nB: 2\r\na: 3\r\nN: v\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.python, func(t *testing.T) {
			h := headers.New(headers.Field{Name: "A", Value: "1"}, headers.Field{Name: "B", Value: "2"}, headers.Field{Name: "a", Value: "3"})
			if got := tt.do(h); got != tt.want {
				t.Errorf("got %#v; want %#v (departure: %q)", got, tt.want, tt.departure)
			}
		})
	}
}

// added calls AddHeader for a field N and returns its value.
func added(value string, params ...headers.Param) func(*headers.Headers) any {
	return func(h *headers.Headers) any {
		if err := h.AddHeader("N", value, params...); err != nil {
			return err
		}
		return h.Get("N")
	}
}

// wireAfter returns the list after a change, or "refused".
func wireAfter(h *headers.Headers, err error) any {
	if err != nil {
		return "refused"
	}
	return wireOf(h)
}
