package headers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

// tchar is RFC 9110 section 5.6.2, written out.
const tchar = "!#$%&'*+-.^_`|~" +
	"0123456789" +
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" +
	"abcdefghijklmnopqrstuvwxyz"

// isValueByte is RFC 9110 section 5.5: VCHAR, SP, HTAB, obs-text.
func isValueByte(c byte) bool {
	return c == '\t' || 0x20 <= c && c <= 0x7E || c >= 0x80
}

// Every byte in every place, by every method that adds a field (A13).
func TestEveryByte(t *testing.T) {
	for i := range 256 {
		c := string([]byte{byte(i)})
		validName := strings.Contains(tchar, c)
		for _, name := range []string{c, c + "x", "x" + c + "x", "x" + c} {
			wantAdmitted(t, headers.Field{Name: name, Value: "v"}, validName)
			wantParamAdmitted(t, headers.Param{Name: name, Value: "v"}, validName && !strings.HasSuffix(name, "*"))
			wantParamAdmitted(t, headers.Param{Name: name, Bare: true}, validName && !strings.HasSuffix(name, "*"))
		}
		for _, value := range []string{c, c + "x", "x" + c + "x", "x" + c} {
			wantAdmitted(t, headers.Field{Name: "N", Value: value}, isValueByte(byte(i)))
			wantParamAdmitted(t, headers.Param{Name: "p", Value: value}, isValueByte(byte(i)))
			wantParamAdmitted(t, headers.Param{Name: "p", Value: value, Bare: true}, true)
		}
	}
}

func wantAdmitted(t *testing.T, f headers.Field, want bool) {
	t.Helper()
	ways := map[string]func(h *headers.Headers){
		"New": func(h *headers.Headers) { *h = *headers.New(f) },
		"Set": func(h *headers.Headers) { _ = h.Set(f.Name, f.Value) },
		"Add": func(h *headers.Headers) { _ = h.Add(f.Name, f.Value) },
		"SetDefault": func(h *headers.Headers) {
			_, _ = h.SetDefault(f.Name, f.Value)
		},
		"AddHeader":       func(h *headers.Headers) { _ = h.AddHeader(f.Name, f.Value) },
		"AddHeader param": func(h *headers.Headers) { _ = h.AddHeader(f.Name, f.Value, headers.Param{Name: "p"}) },
	}
	for way, do := range ways {
		h := new(headers.Headers)
		do(h)
		if admitted := h.Len() == 1; admitted != want || (h.Err() == nil) != want {
			t.Errorf("%s of %q: %d fields, Err %v; want admitted: %v", way, f, h.Len(), h.Err(), want)
		}
	}
}

func wantParamAdmitted(t *testing.T, p headers.Param, want bool) {
	t.Helper()
	h := new(headers.Headers)
	err := h.AddHeader("N", "v", headers.Param{Name: "first"}, p)
	if admitted := h.Len() == 1; admitted != want || (err == nil) != want || h.Err() != err {
		t.Errorf("AddHeader with %+v: %d fields, error %v; want admitted: %v", p, h.Len(), err, want)
	}
}

func TestEmptyNameIsRefused(t *testing.T) {
	wantAdmitted(t, headers.Field{Name: "", Value: "v"}, false)
	wantParamAdmitted(t, headers.Param{Name: "", Value: "v"}, false)
}

// White space around a value is removed and white space in it is kept. Characters that are white
// space only in Unicode are part of the value. RFC 9110 section 5.5.
func TestSpaceAroundValues(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"none", "a", "a"},
		{"spaces and tabs", " \t a \t ", "a"},
		{"inside", "a \t b", "a \t b"},
		{"nothing else", " \t ", ""},
		{"no-break space in Latin-1", "\xa0a\xa0", "\xa0a\xa0"},
		{"no-break space in UTF-8", "\u00a0a\u00a0", "\u00a0a\u00a0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := headers.New(headers.Field{Name: "N", Value: tt.value})
			if got, ok := h.Lookup("N"); got != tt.want || !ok {
				t.Errorf("Lookup = %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

// The response rules of gateway refuse these fields, but a list of another program's fields must be
// able to hold them (C39, C41).
func TestMeaningIsNotJudged(t *testing.T) {
	for _, name := range []string{"Status", "Connection", "Transfer-Encoding", "Trailer", "Proxy-Connection", "X-CGI-Test"} {
		wantAdmitted(t, headers.Field{Name: name, Value: "x"}, true)
	}
	// the caller must see conflicts, since the list does not resolve them (C40)
	h := new(headers.Headers)
	for _, length := range []string{"1", "2"} {
		if err := h.Add("Content-Length", length); err != nil {
			t.Fatal(err)
		}
	}
	wantWire(t, h, "Content-Length: 1\r\nContent-Length: 2\r\n")
}

func TestErrorTexts(t *testing.T) {
	long := strings.Repeat("x", 65)
	cut := `"` + long[:64] + `"...`
	tests := []struct {
		name  string
		field headers.Field
		param []headers.Param
		want  string
	}{
		{"line break", headers.Field{Name: "X-A", Value: "a\r\nB: c"}, nil,
			`headers: field "X-A" with value "a\r\nB: c" refused: byte 1 of the value, "\r", is a control character`},
		{"space in the name", headers.Field{Name: "X A", Value: "v"}, nil,
			`headers: field "X A" with value "v" refused: byte 1 of the name, " ", is not allowed in a token`},
		{"no name", headers.Field{Name: "", Value: "v"}, nil,
			`headers: field "" with value "v" refused: the name is empty`},
		{"64 bytes are quoted whole", headers.Field{Name: "", Value: long[:64]}, nil,
			`headers: field "" with value "` + long[:64] + `" refused: the name is empty`},
		{"65 are cut", headers.Field{Name: long + "\x00", Value: long}, nil,
			"headers: field " + cut + " with value " + cut + ` refused: byte 65 of the name, "\x00", is not allowed in a token`},
		{"parameter's value", headers.Field{Name: "A", Value: "v"}, []headers.Param{{Name: "p", Value: "q\n"}},
			`headers: field "A" with value "v" refused: in parameter "p" with value "q\n": byte 1 of the value, "\n", is a control character`},
		{"parameter's name", headers.Field{Name: "A", Value: "v"}, []headers.Param{{Name: "p*", Value: long}},
			`headers: field "A" with value "v" refused: in parameter "p*" with value ` + cut + `: the name ends in "*"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := new(headers.Headers).AddHeader(tt.field.Name, tt.field.Value, tt.param...)
			if got := fmt.Sprint(err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
