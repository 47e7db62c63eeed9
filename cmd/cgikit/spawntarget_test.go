package main

import (
	"slices"
	"testing"
)

func TestParseWords(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"php-cgi", []string{"php-cgi"}},
		{"  php-cgi \t-d  x=1 ", []string{"php-cgi", "-d", "x=1"}},
		{`a 'b c' "d e" f\ g`, []string{"a", "b c", "d e", "f g"}},
		{`a '' "" b`, []string{"a", "", "", "b"}},
		{`a 'b\' "c\"d\\e\f" $HOME *`, []string{"a", `b\`, `c"d\e\f`, "$HOME", "*"}},
		{`a'b'"c"d`, []string{"abcd"}},
		{`a "it's"`, []string{"a", "it's"}},
		{`C:\\php\\php-cgi.exe`, []string{`C:\php\php-cgi.exe`}},
		{`a\`, []string{`a\`}},
	} {
		if got, err := parseWords(tt.in); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{"", " ", "a 'b", `a "b`, `a "b\"`} {
		if got, err := parseWords(in); err == nil {
			t.Errorf("%s: got %q; want an error", in, got)
		}
	}
}
