package fastcgi

import "testing"

// TestAppendError: HAProxy needs padding after the content.
func TestAppendError(t *testing.T) {
	for content, want := range map[string]string{
		"1234567":  "before\x01\x07\x00\x07\x00\x07\x01\x001234567\x00",
		"12345678": "before\x01\x07\x00\x07\x00\x08\x08\x0012345678\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		if got := appendError([]byte("before"), 7, []byte(content)); string(got) != want {
			t.Errorf("%s: got %q; want %q", content, got, want)
		}
	}
}
