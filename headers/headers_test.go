package headers_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

// sample has a repeated name in two spellings, an empty value, and a name that is the prefix of
// another.
func sample() *headers.Headers {
	return headers.New(
		headers.Field{Name: "Content-Type", Value: "text/plain"},
		headers.Field{Name: "Set-Cookie", Value: "a=1"},
		headers.Field{Name: "X-Empty", Value: ""},
		headers.Field{Name: "set-cookie", Value: "b=2"},
		headers.Field{Name: "Set-Cookie2", Value: "c=3"},
	)
}

// numbered returns a list of n fields, N0 to N(n-1), and its wire form.
func numbered(t *testing.T, n int) (*headers.Headers, string) {
	t.Helper()
	h, wire := new(headers.Headers), ""
	for i := range n {
		name, value := fmt.Sprintf("N%d", i), fmt.Sprint(i)
		if err := h.Add(name, value); err != nil {
			t.Fatal(err)
		}
		wire += name + ": " + value + "\r\n"
	}
	return h, wire
}

func wireOf(h *headers.Headers) string {
	return string(h.AppendTo(nil))
}

func wantWire(t *testing.T, h *headers.Headers, want string) {
	t.Helper()
	if got := wireOf(h); got != want {
		t.Errorf("the list is\n%q; want\n%q", got, want)
	}
}

func TestLookups(t *testing.T) {
	tests := []struct {
		name  string
		query string
		all   []string // nil: absent
	}{
		{"as spelled", "Content-Type", []string{"text/plain"}},
		{"another case", "cONTENT-tYPE", []string{"text/plain"}},
		{"repeated, in order", "SET-COOKIE", []string{"a=1", "b=2"}},
		{"empty value", "x-empty", []string{""}},
		{"prefix of a name", "Content", nil},
		{"longer than a name", "Content-Type2", nil},
		{"empty name", "", nil},
		{"name with a line break", "Content-Type\r\n", nil},
		{"differs in bit 0x20 of a punctuation mark", "Content\rType", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, present, first := sample(), tt.all != nil, ""
			if present {
				first = tt.all[0]
			}
			if got := h.GetAll(tt.query); !slices.Equal(got, tt.all) || (got != nil) != present {
				t.Errorf("GetAll = %q; want %q", got, tt.all)
			}
			if got := h.Get(tt.query); got != first {
				t.Errorf("Get = %q; want %q", got, first)
			}
			if got, ok := h.Lookup(tt.query); got != first || ok != present {
				t.Errorf("Lookup = %q, %v; want %q, %v", got, ok, first, present)
			}
			if got := h.Has(tt.query); got != present {
				t.Errorf("Has = %v; want %v", got, present)
			}
			if err := h.Err(); err != nil {
				t.Errorf("Err = %v; want nil, whatever was looked up", err)
			}
		})
	}
}

// Only ASCII letters fold: not U+212A, which Unicode folds to k, and not the
// pairs of punctuation that differ in the same bit as letters do.
func TestNamesFoldASCIIOnly(t *testing.T) {
	h := headers.New(headers.Field{Name: "K^~", Value: "1"})
	for query, want := range map[string]bool{
		"k^~": true, "K^~": true, "\u212a^~": false, "K~^": false, "K~~": false, "K^^": false,
	} {
		if got := h.Has(query); got != want {
			t.Errorf("Has(%q) = %v; want %v", query, got, want)
		}
	}
	for c := range 0x80 {
		if !('A' <= c && c <= 'Z') && !('a' <= c && c <= 'z') && h.Has(string([]byte{byte(c), '^', '~'})) {
			t.Errorf("byte %#02x found the field K", c)
		}
	}
}

func TestZeroValue(t *testing.T) {
	var h headers.Headers
	h.Del("A")
	if h.Len() != 0 || h.Has("A") || h.Get("A") != "" || h.GetAll("A") != nil || h.Err() != nil {
		t.Errorf("the zero value is not an empty list: %q", h.String())
	}
	if len(h.Keys())+len(h.Values())+len(h.Items())+len(h.AppendTo(nil)) != 0 {
		t.Errorf("the zero value has contents: %q", h.String())
	}
	for name, value := range h.All() {
		t.Errorf("the zero value yields %q: %q", name, value)
	}
	if err := h.Set("A", "1"); err != nil {
		t.Fatal(err)
	}
	wantWire(t, &h, "A: 1\r\n")
}

func TestChanges(t *testing.T) {
	const rest = "X-Empty: \r\n"
	tests := []struct {
		name   string
		change func(h *headers.Headers) error
		want   string
	}{
		{"Set of a new name appends", func(h *headers.Headers) error { return h.Set("New", "n") },
			"Content-Type: text/plain\r\nSet-Cookie: a=1\r\n" + rest + "set-cookie: b=2\r\nSet-Cookie2: c=3\r\nNew: n\r\n"},
		{"Set replaces every spelling, moves to the end, takes the new spelling",
			func(h *headers.Headers) error { return h.Set("SET-cookie", "z") },
			"Content-Type: text/plain\r\n" + rest + "Set-Cookie2: c=3\r\nSET-cookie: z\r\n"},
		{"Add keeps what is there", func(h *headers.Headers) error { return h.Add("Set-Cookie", "z") },
			"Content-Type: text/plain\r\nSet-Cookie: a=1\r\n" + rest + "set-cookie: b=2\r\nSet-Cookie2: c=3\r\nSet-Cookie: z\r\n"},
		{"Del takes out every spelling", func(h *headers.Headers) error { h.Del("sEt-cOokie"); return nil },
			"Content-Type: text/plain\r\n" + rest + "Set-Cookie2: c=3\r\n"},
		{"Del of an absent name", func(h *headers.Headers) error { h.Del("Absent"); return nil },
			"Content-Type: text/plain\r\nSet-Cookie: a=1\r\n" + rest + "set-cookie: b=2\r\nSet-Cookie2: c=3\r\n"},
		{"Set to an empty value is not Del", func(h *headers.Headers) error { return h.Set("Content-Type", "") },
			"Set-Cookie: a=1\r\n" + rest + "set-cookie: b=2\r\nSet-Cookie2: c=3\r\nContent-Type: \r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sample()
			if err := tt.change(h); err != nil {
				t.Fatal(err)
			}
			wantWire(t, h, tt.want)
		})
	}
}

func TestSetDefault(t *testing.T) {
	tests := []struct {
		name, field, value string
		want               string
		refused, appended  bool
	}{
		{"absent", "Vary", "Accept", "Accept", false, true},
		{"absent: the value as stored", "Vary", " Accept\t", "Accept", false, true},
		{"present in another case", "SET-COOKIE", "z", "a=1", false, false},
		{"present and empty", "X-Empty", "z", "", false, false},
		{"present: the value is not looked at", "Set-Cookie", "\n", "a=1", false, false},
		{"absent and invalid", "Vary", "\n", "", true, false},
		{"invalid name", "Va ry", "Accept", "", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sample()
			got, err := h.SetDefault(tt.field, tt.value)
			if got != tt.want || (err != nil) != tt.refused {
				t.Errorf("SetDefault = %q, %v; want %q, refused: %v", got, err, tt.want, tt.refused)
			}
			if appended := h.Len() > sample().Len(); appended != tt.appended {
				t.Errorf("appended: %v; want %v", appended, tt.appended)
			}
		})
	}
}

func TestListings(t *testing.T) {
	h := sample()
	keys := []string{"Content-Type", "Set-Cookie", "X-Empty", "set-cookie", "Set-Cookie2"}
	values := []string{"text/plain", "a=1", "", "b=2", "c=3"}
	if got := h.Keys(); !slices.Equal(got, keys) {
		t.Errorf("Keys = %q; want %q", got, keys)
	}
	if got := h.Values(); !slices.Equal(got, values) {
		t.Errorf("Values = %q; want %q", got, values)
	}
	if got := h.Len(); got != len(keys) {
		t.Errorf("Len = %d; want %d", got, len(keys))
	}
	items, i := h.Items(), 0
	for name, value := range h.All() {
		if name != keys[i] || value != values[i] || items[i] != (headers.Field{Name: name, Value: value}) {
			t.Errorf("field %d: All %q: %q, Items %q; want %q: %q", i, name, value, items[i], keys[i], values[i])
		}
		i++
	}
	if i != len(keys) || len(items) != len(keys) {
		t.Errorf("All yields %d fields, Items %d; want %d", i, len(items), len(keys))
	}
}

func TestAllStopsWhenToldTo(t *testing.T) {
	var seen []string
	for name := range sample().All() {
		if seen = append(seen, name); len(seen) == 2 {
			break
		}
	}
	if want := []string{"Content-Type", "Set-Cookie"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q; want %q", seen, want)
	}
}

// The returned slices belong to the caller: changes of them, or of the list during a range over
// Items, have no effect on the others.
func TestListingsAreCopies(t *testing.T) {
	h := sample()
	before := wireOf(h)
	h.Keys()[0], h.Values()[0], h.GetAll("Set-Cookie")[0] = "x", "x", "x"
	h.Items()[0] = headers.Field{}
	wantWire(t, h, before)
	for _, f := range h.Items() {
		h.Del(f.Name)
	}
	wantWire(t, h, "")
}

// The list moves out of the struct at the ninth field. This must not be visible.
func TestAnyLength(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 16, 17, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h, wire := numbered(t, n)
			wantWire(t, h, wire)
			if h.Len() != n || h.Get(fmt.Sprintf("n%d", n-1)) != fmt.Sprint(n-1) {
				t.Errorf("Len %d, last %q", h.Len(), h.Get(fmt.Sprintf("n%d", n-1)))
			}
			for i := range n - 1 {
				h.Del(fmt.Sprintf("N%d", i))
			}
			last := fmt.Sprintf("N%d: %d\r\n", n-1, n-1)
			wantWire(t, h, last)
			if err := h.Add("After", "x"); err != nil {
				t.Fatal(err)
			}
			wantWire(t, h, last+"After: x\r\n")
		})
	}
}

func TestCloneSharesNothing(t *testing.T) {
	for _, n := range []int{0, 1, 8, 9, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h, wire := numbered(t, n)
			c := h.Clone()
			for i, l := range []*headers.Headers{h, c} {
				l.Del("N0")
				if err := l.Add("Whose", fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			rest := wire[min(len(wire), len("N0: 0\r\n")):]
			wantWire(t, h, rest+"Whose: 0\r\n")
			wantWire(t, c, rest+"Whose: 1\r\n")
		})
	}
}

func TestErrKeepsTheFirst(t *testing.T) {
	h := headers.New(
		headers.Field{Name: "Good", Value: "1"},
		headers.Field{Name: "First Bad", Value: "2"},
		headers.Field{Name: "Second", Value: "bad\n"},
		headers.Field{Name: "Also-Good", Value: "3"},
	)
	wantWire(t, h, "Good: 1\r\nAlso-Good: 3\r\n")
	wantFirst := func(h *headers.Headers) {
		t.Helper()
		var fe *headers.FieldError
		if !errors.As(h.Err(), &fe) || fe.Name != "First Bad" || fe.Value != "2" {
			t.Errorf("Err = %v; want the refusal of %q", h.Err(), "First Bad")
		}
	}
	wantFirst(h)
	_ = h.Set("Third", "\r")
	wantFirst(h)
	_ = h.Set("First-Good", "2")
	h.Del("First Bad")
	wantFirst(h)
	wantFirst(h.Clone())
	*h = headers.Headers{}
	if h.Err() != nil || h.Len() != 0 {
		t.Errorf("after Headers{} was assigned: Err %v, %d fields; want none", h.Err(), h.Len())
	}
}

// A refusal by any method is returned, kept, and changes no field.
func TestRefusalChangesNothing(t *testing.T) {
	methods := map[string]func(h *headers.Headers, name, value string) error{
		"Set":       (*headers.Headers).Set,
		"Add":       (*headers.Headers).Add,
		"AddHeader": func(h *headers.Headers, name, value string) error { return h.AddHeader(name, value) },
		"SetDefault": func(h *headers.Headers, name, value string) error {
			_, err := h.SetDefault(name, value)
			return err
		},
	}
	fields := []headers.Field{{Name: "Set-Cookie ", Value: "z"}, {Name: "X-New", Value: "z\r\nX-Smuggled: 1"}}
	for method, do := range methods {
		for _, f := range fields {
			t.Run(method+" "+f.Name, func(t *testing.T) {
				h := sample()
				err := do(h, f.Name, f.Value)
				var fe *headers.FieldError
				if !errors.As(err, &fe) || fe.Name != f.Name || fe.Value != f.Value {
					t.Errorf("returned %v; want a *FieldError with the field as given", err)
				}
				if h.Err() != err {
					t.Errorf("Err = %v; want the error that was returned, %v", h.Err(), err)
				}
				wantWire(t, h, wireOf(sample()))
			})
		}
	}
	h := sample()
	if err := h.Set("Set-Cookie", "z\x00"); err == nil {
		t.Error("Set took a NUL")
	}
	wantWire(t, h, wireOf(sample()))
}

func TestAppendToKeepsThePrefix(t *testing.T) {
	h := headers.New(headers.Field{Name: "A", Value: "1"})
	if got, want := string(h.AppendTo([]byte("Status: 200 OK\r\n"))), "Status: 200 OK\r\nA: 1\r\n"; got != want {
		t.Errorf("AppendTo = %q; want %q", got, want)
	}
	if got, want := h.String(), "A: 1\r\n\r\n"; got != want {
		t.Errorf("String = %q; want %q", got, want)
	}
}

func TestAllocations(t *testing.T) {
	names := []string{"Content-Type", "Content-Length", "Date", "Server", "ETag", "Vary", "Last-Modified", "Cache-Control"}
	full, _ := numbered(t, 20)
	buf := make([]byte, 0, 1<<10)
	tests := []struct {
		name string
		do   func()
	}{
		{"8 Adds to a zero value", func() {
			var h headers.Headers
			for _, name := range names {
				_ = h.Add(name, " value ")
			}
			if h.Len() != len(names) {
				t.Fatal(h.Err())
			}
		}},
		{"Set, Del, lookups", func() {
			var h headers.Headers
			_ = h.Set("Content-Type", "text/plain")
			_ = h.Set("content-type", "text/html")
			if h.Get("CONTENT-TYPE") != "text/html" || h.Has("Date") {
				t.Fatal("lookup failed")
			}
			h.Del("Content-Type")
		}},
		{"AppendTo into a buffer with room", func() { buf = full.AppendTo(buf[:0]) }},
		{"All", func() {
			for name := range full.All() {
				buf = append(buf[:0], name...)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, tt.do); got != 0 {
				t.Errorf("%v allocations; want 0", got)
			}
		})
	}
}

func BenchmarkSetGet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var h headers.Headers
		_ = h.Set("Content-Type", "text/html; charset=utf-8")
		_ = h.Set("Content-Length", "1234")
		_ = h.Set("Cache-Control", "max-age=60")
		_ = h.Set("content-type", "text/plain")
		if h.Get("Content-type") == "" {
			b.Fatal("lost a field")
		}
	}
}

func BenchmarkAppendTo(b *testing.B) {
	h := headers.New(
		headers.Field{Name: "Content-Type", Value: "text/html; charset=utf-8"},
		headers.Field{Name: "Content-Length", Value: "1234"},
		headers.Field{Name: "Cache-Control", Value: "max-age=60"},
		headers.Field{Name: "Set-Cookie", Value: "session=0123456789abcdef; Path=/; HttpOnly"},
	)
	buf := make([]byte, 0, 1<<10)
	b.SetBytes(int64(len(h.AppendTo(buf))))
	b.ReportAllocs()
	for b.Loop() {
		buf = h.AppendTo(buf[:0])
	}
}
