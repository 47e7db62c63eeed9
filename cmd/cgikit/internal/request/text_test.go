package request

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/headers"
)

func TestAddField(t *testing.T) {
	tests := []struct {
		name string
		add  []string
		want string // "Name=value," for each field but the defaults
	}{
		{"in place of a default", []string{"accept: x"}, "Host=h,accept=x,"},
		{"removes a default", []string{"Accept:"}, "Host=h,"},
		{"empty", []string{"X-A;"}, "Host=h,Accept=*/*,X-A=,"},
		{"twice", []string{"X-A: 1", "x-a: 2"}, "Host=h,Accept=*/*,X-A=1,x-a=2,"},
		{"removes what was given", []string{"X-A: 1", "X-A:"}, "Host=h,Accept=*/*,"},
		{"colon in the value", []string{"X-A:a:b"}, "Host=h,Accept=*/*,X-A=a:b,"},
		{"no field", []string{"x"}, "error"},
		{"space in the name", []string{"x y: z"}, "error"},
		{"line end", []string{"x: y\r\nz: 1"}, "error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fields := []headers.Field{{Name: "Host", Value: "h"}, {Name: "Accept", Value: "*/*"}}
			added, got := make(map[string]bool), ""
			for _, text := range tt.add {
				var err error
				if fields, err = addField(fields, text, added); err != nil {
					got = "error"
				}
			}
			for _, f := range fields {
				if got != "error" {
					got += f.Name + "=" + f.Value + ","
				}
			}
			if got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}

func TestExpandFormat(t *testing.T) {
	value := func(name string) string { return "<" + name + ">" }
	for format, want := range map[string]string{
		"":                             "",
		"plain":                        "plain",
		"%{status} %{http_code}":       "<status> <status>",
		`%{size_download}\n\t\r\\\x`:   "<size>\n\t\r\\\\x",
		"100%":                         "100%",
		"%%{status}%":                  "%{status}%",
		`end\`:                         `end\`,
		"%d%{time_starttransfer}":      "%d<time_head>",
		"%{protocol_status}%{unknown}": "error",
		"%{status":                     "error",
	} {
		got, err := expandFormat(format, value)
		if err != nil {
			got = "error"
		}
		if got != want || err != nil && cli.Status(err) != cli.StatusUsage {
			t.Errorf("%q: got %q, %v; want %q", format, got, err, want)
		}
	}
	for name, meaning := range writeOutNames {
		if text := (&answer{stderr: &errorStream{}}).outValue(meaning); text == "" && meaning != "" {
			t.Errorf("%%{%s} has no value", name)
		}
	}
}

func TestFormPart(t *testing.T) {
	for text, want := range map[string]formPart{
		"a=b":                     {name: "a", text: "b"},
		"a=":                      {name: "a"},
		"a=b;type=x":              {name: "a", text: "b;type=x"},
		"f=@dir/x.html":           {name: "f", file: "dir/x.html", upload: true, fileName: "x.html", contentType: "text/html; charset=utf-8"},
		"f=@x;type=a/b;filename=": {name: "f", file: "x", upload: true, contentType: "a/b"},
		"f=<-":                    {name: "f", file: "-", fileName: "-"},
	} {
		if got, err := parseFormPart(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a", "=b", "f=@x;size=3", "f=@x;type=a\r\nb"} {
		if _, err := parseFormPart(text); cli.Status(err) != cli.StatusUsage {
			t.Errorf("%q: got %v; want a usage error", text, err)
		}
	}
}

// TestVariables: set replaces all of a name, remove takes all of them.
func TestVariables(t *testing.T) {
	var v variables
	v.add("A", "1", "")
	v.add("B", "2", "")
	v.add("A", "3", "")
	v.set("A", "4", "")
	if len(v) != 2 || v[0].value != "4" || v.get("A") != "4" || v.environ().Get("B") != "2" {
		t.Errorf("got %v", v)
	}
	v.set("C", "5", "")
	v.remove("B")
	if len(v) != 2 || v.has("B") || v.get("C") != "5" {
		t.Errorf("got %v", v)
	}
}

// TestQuoteShell: a shell reads back what was quoted, and printf what was escaped.
func TestQuoteShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	for _, s := range []string{"", "plain", "it's", "a b", "$HOME `x` \"y\"", "\\n", "100%", "é", "tab\there", "-e", "*", "line\nend"} {
		out, err := exec.Command(sh, "-c", "printf "+quoteShell(escapePrintf(s))+"; printf %s "+quoteShell(s)).Output()
		if err != nil && s != "-e" || s != "-e" && string(out) != s+s {
			t.Errorf("%q: got %q, %v", s, out, err)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"system.client_version", "system.pid", "d.name", "f.multicall", "d.multicall2", "throttle.max_uploads"}
	for name, want := range map[string][]string{
		"system.clientversion": {"system.client_version"},
		"t.name":               {"d.name"},
		"d.multicall":          {"f.multicall", "d.multicall2"},
		"nothing.like.this":    nil,
	} {
		if got := nearest(name, names); !slices.Equal(got, want) {
			t.Errorf("%s: got %v; want %v", name, got, want)
		}
	}
}

func TestErrorStream(t *testing.T) {
	var b strings.Builder
	r := &Request{Streams: Streams{Stderr: &b}}
	s := r.newErrorStream()
	for _, piece := range []string{"on", "e\ntw", "o\r\nesc\x1b[31m", "\n\nlast"} {
		s.Write([]byte(piece))
	}
	s.flush()
	s.flush()
	if got, want := b.String(), "one\ntwo\nesc\\x1b[31m\n\nlast\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	b.Reset()
	s.Write([]byte(strings.Repeat("x", 3*maxErrorLine) + "\n"))
	if lines := strings.Count(b.String(), "\n"); lines != 3 {
		t.Errorf("got %d lines of a long one; want it in 3 pieces", lines)
	}
	for range 100 {
		s.Write(make([]byte, 4<<10))
	}
	if len(s.kept) != keptStderr {
		t.Errorf("kept %d bytes; want %d", len(s.kept), keptStderr)
	}
}

// TestXMLDepth: an answer cannot nest values without a bound.
func TestXMLDepth(t *testing.T) {
	nested := strings.Repeat("<value><array><data>", 200) + strings.Repeat("</data></array></value>", 200)
	if _, err := parseXMLResult([]byte("<methodResponse><params><param>" + nested + "</param></params></methodResponse>")); err == nil || !strings.Contains(err.Error(), "nested more than 100") {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "<x/>", "<methodResponse/>", "<methodResponse><params/></methodResponse>", "<methodResponse><params><param><value><i4>x</i4></value></param></params></methodResponse>"} {
		if _, err := parseXMLResult([]byte(text)); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}
