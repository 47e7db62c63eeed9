package headers_test

import (
	"bufio"
	"mime"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

// parse parses a block strictly by RFC 9112 section 5: lines that end in CRLF, split at the first
// colon, without white space around the value.
func parse(t *testing.T, wire string) []headers.Field {
	t.Helper()
	if bad := strings.IndexFunc(strings.ReplaceAll(wire, "\r\n", ""), isControl); bad >= 0 {
		t.Fatalf("control character within a line of %q", wire)
	}
	var fields []headers.Field
	for line := range strings.Lines(wire) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r\n"), ":")
		if !ok || !strings.HasSuffix(line, "\r\n") || strings.Trim(name, tchar) != "" || name == "" {
			t.Fatalf("%q in %q is no field line", line, wire)
		}
		fields = append(fields, headers.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
	return fields
}

func isControl(r rune) bool {
	return r < 0x20 && r != '\t' || r == 0x7F
}

// FuzzHeaders adds fields by three methods and records the expected list. The written block must
// parse to exactly that list, also by net/textproto: it has no refused field and every accepted
// one.
func FuzzHeaders(f *testing.F) {
	f.Add("Content-Type", "text/plain", "Set-Cookie", "a=1", "set-cookie", "b=2")
	f.Add("A", "1\r\nB: 2", "C", "3\r\n\r\nbody", "D\r\nE", "4")
	f.Add("A", "\x00", "", "empty name", "B:", "colon")
	f.Add("A", " \t value\t ", "A", "\xff\xfe\xa0", "a", "")
	f.Add("K", "kelvin", "\u212a", "sign", "k", "\u212a")
	f.Add("A", "1", "a ", "2", "A", "caf\u00e9 \u20ac \x7f")
	f.Fuzz(func(t *testing.T, setName, setValue, addName, addValue, defName, defValue string) {
		var h headers.Headers
		want := []headers.Field{}
		record := func(name, value string, err error) {
			if valid := isField(name, value); valid != (err == nil) {
				t.Fatalf("%q: %q gives %v; want valid: %v", name, value, err, valid)
			} else if valid {
				want = append(want, headers.Field{Name: name, Value: strings.Trim(value, " \t")})
			}
		}
		record(addName, addValue, h.Add(addName, addValue))
		if !h.Has(defName) {
			_, err := h.SetDefault(defName, defValue)
			record(defName, defValue, err)
		}
		if err := h.Set(setName, setValue); err == nil {
			want = slices.DeleteFunc(want, func(f headers.Field) bool { return asciiLower(f.Name) == asciiLower(setName) })
			record(setName, setValue, nil)
		} else {
			record(setName, setValue, err)
		}
		if got := parse(t, wireOf(&h)); !slices.Equal(got, want) {
			t.Fatalf("parsed %q; want %q", got, want)
		}
		wantTextproto(t, &h)
	})
}

func isField(name, value string) bool {
	return name != "" && strings.Trim(name, tchar) == "" &&
		!slices.ContainsFunc([]byte(value), func(c byte) bool { return !isValueByte(c) })
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// wantTextproto compares with the reader of net/http, which does not keep order and spelling.
func wantTextproto(t *testing.T, h *headers.Headers) {
	t.Helper()
	got, err := textproto.NewReader(bufio.NewReader(strings.NewReader(h.String()))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("net/textproto cannot read %q: %v", h.String(), err)
	}
	for _, name := range h.Keys() {
		if want := h.GetAll(name); !slices.Equal(got.Values(name), want) {
			t.Errorf("net/textproto reads %q: %q; want %q", name, got.Values(name), want)
		}
	}
}

// FuzzAddHeader: mime.ParseMediaType returns any value of a parameter, and the field has no other
// parameter.
func FuzzAddHeader(f *testing.F) {
	f.Add("filename", "example.html")
	f.Add("filename", "\u20ac \"rates\" 50%41\\.txt")
	f.Add("title", "\xff\xfe latin \xe9")
	f.Add("title", "a\"; filename=\"b")
	f.Add("title*", "UTF-8''x")
	f.Add("p", "\r\nX: y")
	f.Fuzz(func(t *testing.T, name, value string) {
		h := new(headers.Headers)
		err := h.AddHeader("N", "attachment", headers.Param{Name: name, Value: value})
		if valid := isField(name, value) && !strings.HasSuffix(name, "*"); valid != (err == nil) {
			t.Fatalf("parameter %q=%q gives %v; want valid: %v", name, value, err, valid)
		} else if !valid {
			return
		}
		if fields := parse(t, wireOf(h)); len(fields) != 1 {
			t.Fatalf("parsed %q; want one field", fields)
		}
		if strings.Contains(name, "*") {
			return // package mime interprets a*0 as a continuation, RFC 2231 section 3
		}
		_, params, err := mime.ParseMediaType(h.Get("N"))
		want := strings.ToValidUTF8(value, "\uFFFD")
		if err != nil || len(params) != 1 || params[asciiLower(name)] != want {
			t.Fatalf("%q reads as %q, %v; want %q", h.Get("N"), params, err, want)
		}
	})
}
