package gatewaytest

import (
	"slices"
	"testing"
)

// plackCases maps each case of Plack::Test::Suite 1.0 to one of ours, or to the reason why we have
// no such case.
var plackCases = []struct {
	plack   string
	ours    []string
	without string
}{
	{plack: "SCRIPT_NAME", ours: []string{"mount"}},
	{plack: "GET", ours: []string{"get"}},
	{plack: "POST", ours: []string{"post-form"}},
	{plack: "big POST", ours: []string{"post-96000", "post-10-megabytes"}},
	{plack: "psgi.url_scheme", ours: []string{"server", "forged-scheme"}},
	{plack: "return glob", ours: []string{"part-of-a-file"}},
	{plack: "filehandle", ours: []string{"file-of-20-megabytes"}},
	{plack: "bigger file", ours: []string{"file-of-20-megabytes"}},
	{plack: "handle HTTP-Header", ours: []string{"field"}},
	{plack: "handle HTTP-Cookie", ours: []string{"cookies"}},
	{plack: "validate env", ours: []string{"get", "mount", "server"}},
	{plack: "% encoding in PATH_INFO", ours: []string{"path-encoded"}},
	{plack: "% double encoding in PATH_INFO", ours: []string{"path-encoded-twice"}},
	{plack: "% encoding in PATH_INFO (outside of URI characters)", ours: []string{"path-bytes"}},
	{plack: "SERVER_PROTOCOL is required", ours: []string{"server"}},
	{plack: "SCRIPT_NAME should not be undef", ours: []string{"mount"}},
	{plack: "call close after read IO::Handle-like", without: "an App sends its body itself, and closes the files that it opened"},
	{plack: "has errors", ours: []string{"error-stream"}},
	{plack: "status line", ours: []string{"status-line"}},
	{plack: "Do not crash when the app dies", ours: []string{"panic-before-the-head", "alive-after-failures"}},
	{plack: "multi headers (request)", ours: []string{"repeated-fields"}},
	{plack: "multi headers (response)", ours: []string{"repeated-response-fields"}},
	{plack: "Do not set COOKIE", ours: []string{"cookies"}},
	{plack: "no entity headers on 304", ours: []string{"304"}},
	{plack: "REQUEST_URI is set", ours: []string{"request-uri"}},
	{plack: "filehandle with path()", without: "an *os.File goes by sendfile(2) without a path; offload to a server is configured in code"},
	{plack: "a big header value > 128 bytes", ours: []string{"field-of-128-bytes"}},
	{plack: "coderef res", ours: []string{"second-start"}},
	{plack: "coderef streaming", ours: []string{"streamed"}},
	{plack: "CRLF output and FCGI parse bug", ours: []string{"body-like-a-head"}},
	{plack: "newlines", ours: []string{"newlines"}},
	{plack: "test 404", ours: []string{"status"}},
	{plack: "request->input seekable", without: "Stdin is a stream; an App that needs it twice must store it"},
	{plack: "request->content on GET", ours: []string{"no-body"}},
	{plack: "handle Authorization header", ours: []string{"authorization"}},
	{plack: "repeated slashes", ours: []string{"repeated-slashes"}},
}

// TestPlackCases checks that each case of Plack's suite has a case here, or a reason.
func TestPlackCases(t *testing.T) {
	if len(plackCases) != 36 {
		t.Errorf("got %d cases; want Plack's 36", len(plackCases))
	}
	for _, c := range plackCases {
		if (len(c.ours) == 0) == (c.without == "") {
			t.Errorf("%q has neither case nor reason, or both", c.plack)
		}
		for _, name := range c.ours {
			if !slices.ContainsFunc(Cases(), func(c Case) bool { return c.Name == name }) {
				t.Errorf("%q is mapped to case %q, which does not exist", c.plack, name)
			}
		}
	}
}

// TestCaseNames checks that names are unique, and that each case has a rule with its source.
func TestCaseNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range Cases() {
		if seen[c.Name] || c.Rule == "" || c.app == nil || c.drive == nil {
			t.Errorf("case %q exists twice, or lacks a field", c.Name)
		}
		seen[c.Name] = true
	}
}
