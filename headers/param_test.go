package headers_test

import (
	"errors"
	"mime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

func TestAddHeader(t *testing.T) {
	tests := []struct {
		name   string
		value  string
		params []headers.Param
		want   string
	}{
		{"no parameters", "attachment", nil, "attachment"},
		{"nothing at all", "", nil, ""},
		{"one", "attachment", []headers.Param{{Name: "filename", Value: "bud.gif"}}, `attachment; filename="bud.gif"`},
		{"order and repeats are kept", "v", []headers.Param{{Name: "b", Value: "1"}, {Name: "a", Value: "2"}, {Name: "b", Value: "3"}},
			`v; b="1"; a="2"; b="3"`},
		{"empty value", "v", []headers.Param{{Name: "x", Value: ""}}, `v; x=""`},
		{"bare", "v", []headers.Param{{Name: "x", Bare: true}}, "v; x"},
		{"bare: the value is not looked at", "v", []headers.Param{{Name: "x", Value: "\r\n", Bare: true}}, "v; x"},
		{"no value, parameters first", "", []headers.Param{{Name: "a", Value: "1"}, {Name: "b", Bare: true}}, `a="1"; b`},
		{"only space for a value", " \t", []headers.Param{{Name: "a", Bare: true}}, "a"},
		{"space around the value", "\tv ", []headers.Param{{Name: "a", Bare: true}}, "v; a"},
		{"space in a parameter stays", "v", []headers.Param{{Name: "a", Value: " x\t"}}, "v; a=\" x\t\""},
		{"quotes and backslashes", "v", []headers.Param{{Name: "a", Value: `"\" \`}}, `v; a="\"\\\" \\"`},
		{"delimiters inside quotes", "v", []headers.Param{{Name: "a", Value: `1; b=2, c`}}, `v; a="1; b=2, c"`},
		{"underscores stay", "v", []headers.Param{{Name: "a_b", Value: "1"}}, `v; a_b="1"`},
		{"star inside a name", "v", []headers.Param{{Name: "a*0", Value: "1"}}, `v; a*0="1"`},
		{"obs-text in the value itself", "caf\xe9", []headers.Param{{Name: "a", Value: "1"}}, "caf\xe9; a=\"1\""},
		{"not ASCII", "v", []headers.Param{{Name: "title", Value: "£"}}, "v; title*=UTF-8''%C2%A3"},
		{"all that attr-char leaves out", "v", []headers.Param{{Name: "t", Value: "é\t \"%'()*,/:;<=>?@[\\]{}"}},
			"v; t*=UTF-8''%C3%A9%09%20%22%25%27%28%29%2A%2C%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%7B%7D"},
		{"all that it has", "v", []headers.Param{{Name: "t", Value: "é!#$&+-.^_`|~059azAZ"}},
			"v; t*=UTF-8''%C3%A9!#$&+-.^_`|~059azAZ"},
		{"not ASCII and first", "", []headers.Param{{Name: "title", Value: "£"}}, "title*=UTF-8''%C2%A3"},
		{"file name that is ASCII is written once", "v", []headers.Param{{Name: "filename", Value: `50% "a\b"`}},
			`v; filename="50% \"a\\b\""`},
		{"file name", "attachment", []headers.Param{{Name: "filename", Value: "€ rates.txt"}},
			`attachment; filename="_ rates.txt"; filename*=UTF-8''%E2%82%AC%20rates.txt`},
		{"file name in another case", "v", []headers.Param{{Name: "FileName", Value: "ü"}}, `v; FileName="_"; FileName*=UTF-8''%C3%BC`},
		{"what old recipients read differently", "v", []headers.Param{{Name: "filename", Value: `ü"\%41`}},
			`v; filename="____41"; filename*=UTF-8''%C3%BC%22%5C%2541`},
		{"outside the BMP, one _ each", "v", []headers.Param{{Name: "filename", Value: "🦊🦊.png"}},
			`v; filename="__.png"; filename*=UTF-8''%F0%9F%A6%8A%F0%9F%A6%8A.png`},
		{"Latin-1, not UTF-8", "v", []headers.Param{{Name: "filename", Value: "caf\xe9.txt"}},
			`v; filename="caf_.txt"; filename*=UTF-8''caf%EF%BF%BD.txt`},
		{"a run that is not UTF-8 is one U+FFFD", "v", []headers.Param{{Name: "t", Value: "a\xff\xfe\xe2\x82b"}}, "v; t*=UTF-8''a%EF%BF%BDb"},
		{"the least byte that is not ASCII", "v", []headers.Param{{Name: "t", Value: "\x80"}}, "v; t*=UTF-8''%EF%BF%BD"},
		{"a surrogate and an overlong form are not UTF-8", "v", []headers.Param{{Name: "t", Value: "\xed\xa0\x80|\xc0\xaf"}},
			"v; t*=UTF-8''%EF%BF%BD|%EF%BF%BD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := headers.New(headers.Field{Name: "n", Value: "before"})
			if err := h.AddHeader("N", tt.value, tt.params...); err != nil {
				t.Fatal(err)
			}
			wantWire(t, h, "n: before\r\nN: "+tt.want+"\r\n")
		})
	}
}

// For a bad parameter the complete field is refused.
func TestAddHeaderRefusesTheWholeField(t *testing.T) {
	good := headers.Param{Name: "good", Value: "1"}
	tests := []struct {
		name string
		bad  headers.Param
	}{
		{"line break in a value", headers.Param{Name: "p", Value: "a\r\nX: y"}},
		{"line break beside other characters", headers.Param{Name: "filename", Value: "é\n"}},
		{"NUL", headers.Param{Name: "p", Value: "\x00"}},
		{"DEL", headers.Param{Name: "p", Value: "\x7f"}},
		{"a name with a value in it", headers.Param{Name: "p=1; q", Value: "2"}},
		{"line break in a bare name", headers.Param{Name: "p\r\n", Bare: true}},
		{"name in the encoded form", headers.Param{Name: "filename*", Value: "UTF-8''x"}},
		{"name not ASCII", headers.Param{Name: "é", Value: "x"}},
	}
	for _, tt := range tests {
		for where, params := range map[string][]headers.Param{"first": {tt.bad, good}, "last": {good, tt.bad}} {
			t.Run(tt.name+" "+where, func(t *testing.T) {
				h := headers.New(headers.Field{Name: "A", Value: "1"})
				err := h.AddHeader("N", "value", params...)
				var fe *headers.FieldError
				if !errors.As(err, &fe) || fe.Name != "N" || fe.Value != "value" || h.Err() != err {
					t.Errorf("returned %v, Err %v; want one *FieldError for both", err, h.Err())
				}
				wantWire(t, h, "A: 1\r\n")
			})
		}
	}
}

// The examples of RFC 6266 section 5 and RFC 8187 section 3.2.3: AddHeader gets their decoded
// values, and must write fields that a recipient decodes to the same. The decoder is package mime,
// which shares no code with this package.
func TestRFCExamples(t *testing.T) {
	tests := []struct {
		spec, example string
		param         headers.Param
	}{
		{"RFC 6266 section 5, 1st", `Attachment; filename=example.html`, headers.Param{Name: "filename", Value: "example.html"}},
		{"RFC 6266 section 5, 2nd", `INLINE; FILENAME= "an example.html"`, headers.Param{Name: "FILENAME", Value: "an example.html"}},
		{"RFC 6266 section 5, 3rd", `attachment; filename*= UTF-8''%e2%82%ac%20rates`, headers.Param{Name: "filename", Value: "€ rates"}},
		{"RFC 6266 section 5, 4th", `attachment; filename="EURO rates"; filename*=utf-8''%e2%82%ac%20rates`,
			headers.Param{Name: "filename", Value: "€ rates"}},
		{"RFC 8187 section 3.2.3, token", `bar; title=Economy`, headers.Param{Name: "title", Value: "Economy"}},
		{"RFC 8187 section 3.2.3, quoted", `bar; title="US-$ rates"`, headers.Param{Name: "title", Value: "US-$ rates"}},
		{"RFC 8187 section 3.2.3, with a language", `bar; title*=utf-8'en'%C2%A3%20rates`, headers.Param{Name: "title", Value: "£ rates"}},
		{"RFC 8187 section 3.2.3, two scripts", `bar; title*=UTF-8''%c2%a3%20and%20%e2%82%ac%20rates`,
			headers.Param{Name: "title", Value: "£ and € rates"}},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			value, _, _ := strings.Cut(tt.example, ";")
			h := new(headers.Headers)
			if err := h.AddHeader("foo", value, tt.param); err != nil {
				t.Fatal(err)
			}
			key := strings.ToLower(tt.param.Name)
			for _, text := range []string{tt.example, h.Get("foo")} {
				kind, params, err := mime.ParseMediaType(text)
				if err != nil || kind != strings.ToLower(value) || len(params) != 1 || params[key] != tt.param.Value {
					t.Errorf("%s\nreads as %q %q, %v; want %q", text, kind, params, err, tt.param.Value)
				}
			}
		})
	}
}
