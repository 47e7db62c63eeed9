package target

import "testing"

func TestPHPAnswers(t *testing.T) {
	for _, tt := range []struct {
		body             string
		notFound, denied bool
	}{
		{"File not found.\n", true, false},
		{"No input file specified.\n", true, false},
		{"Access denied.\n", false, true},
		{"<p>File not found.</p>", false, false},
		{"", false, false},
	} {
		if got := IsScriptNotFound([]byte(tt.body)); got != tt.notFound {
			t.Errorf("%q: got not found %t", tt.body, got)
		}
		if got := IsExtensionDenied([]byte(tt.body)); got != tt.denied {
			t.Errorf("%q: got denied %t", tt.body, got)
		}
	}
}
