package demo

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
)

const urlencoded = "application/x-www-form-urlencoded"

func TestReceived(t *testing.T) {
	tests := []struct {
		name, body string
		want       []variable
	}{
		{"nothing", "", nil},
		{"order and repeats", "b=1&a=2&b=3", []variable{{"b", "1"}, {"a", "2"}, {"b", "3"}}},
		{"plus and percent", "full+name=Zo%C3%AB+%2B", []variable{{"full name", "Zoë +"}}},
		{"no value", "a&b=", []variable{{"a", ""}, {"b", ""}}},
		{"no name", "=x", []variable{{"", "x"}}},
		{"a value with =", "a=b=c", []variable{{"a", "b=c"}}},
		{"empty pairs", "&&a=1&", []variable{{"a", "1"}}},
		{"malformed percent", "a=100%&b=%zz", []variable{{"a", "100%"}, {"b", "%zz"}}},
		{"semicolons separate nothing", "a=1;b=2", []variable{{"a", "1;b=2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parseForm(urlencoded, tt.body)
			if !slices.Equal(got.Fields, tt.want) || got.More != 0 || got.Raw != "" || got.Bytes != len(tt.body) {
				t.Errorf("got %+v; want fields %+v", got, tt.want)
			}
		})
	}
}

func TestReceivedBoundsTheFields(t *testing.T) {
	got := parseForm(urlencoded+"; charset=utf-8", strings.Repeat("a&", maxFields+7))
	if len(got.Fields) != maxFields || got.More != 7 {
		t.Errorf("got %d fields and %d more; want %d and 7", len(got.Fields), got.More, maxFields)
	}
}

func TestFormEchoes(t *testing.T) {
	a := fetchComplete(t, post(urlencoded, "name=Zo%C3%AB&message=%3Cscript%3E"), "200 OK")
	a.contains(t, `<th scope="row">name</th><td>Zoë</td>`, `<td>&lt;script&gt;</td>`, "34 bytes of <code>"+urlencoded)
	a.lacks(t, "<script>")
}

func TestFormShowsOtherTypesAsText(t *testing.T) {
	a := fetchComplete(t, post("text/plain", "<b>a=1&b=2</b>"), "200 OK")
	a.contains(t, "&lt;b&gt;a=1&amp;b=2&lt;/b&gt;</pre>")
	fetchComplete(t, post("", ""), "200 OK").contains(t, "no declared type", "The form was empty.")
}

func TestFormBoundsTheBody(t *testing.T) {
	fetchComplete(t, post(urlencoded, "a="+strings.Repeat("x", maxForm-2)), "200 OK")
	fetchComplete(t, post(urlencoded, "a="+strings.Repeat("x", maxForm-1)), "413 Content Too Large")
}

// A form that did not arrive completely must not be shown as the client's form.
func TestFormReportsABrokenBody(t *testing.T) {
	r := post(urlencoded, "")
	r.Stdin = io.MultiReader(strings.NewReader("amount=10"), iotest.ErrReader(io.ErrUnexpectedEOF))
	fetchComplete(t, r, "400 Bad Request").lacks(t, "amount")

	r = post(urlencoded, "")
	r.Stdin = iotest.ErrReader(&gateway.BodyTooLargeError{Limit: 5})
	if got := fetch(t, r).Status; !strings.HasPrefix(got, "413 ") {
		t.Errorf("got status %q over the server's limit; want 413", got)
	}
}
