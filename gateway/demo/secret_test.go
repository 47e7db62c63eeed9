package demo

import "testing"

func TestLocalHost(t *testing.T) {
	for host, want := range map[string]bool{
		"": true, "localhost": true, "LOCALHOST:80": true, "localhost.": true, "127.0.0.1": true, "127.0.0.1:8000": true,
		"[::1]": true, "[::1]:8000": true, "192.0.2.7:80": true,
		"example.com": false, "example.com:8000": false, "127.0.0.1.example.com": false, "localhost.example.com": false, "127.1x": false,
	} {
		if got := LocalHost(host); got != want {
			t.Errorf("%q: got %v; want %v", host, got, want)
		}
	}
}

// TestSecretsAreNotShown: neither on the page of all variables nor on the first.
func TestSecretsAreNotShown(t *testing.T) {
	for _, path := range []string{"/environ", "/"} {
		a := fetchComplete(t, request(path, "HTTP_AUTHORIZATION", "Basic sesame", "HTTP_COOKIE", "session=sesame", "PHP_AUTH_PW", "sesame",
			"HTTP_X_API_KEY", "sesame", "HTTP_X_CSRF_TOKEN", "sesame", "REDIRECT_REDIRECT_HTTP_AUTHORIZATION", "sesame", "DB_PASSWORD", "sesame",
			"HTTP_X_REAL", "open"), "200 OK")
		a.lacks(t, "sesame")
		a.contains(t, "HTTP_COOKIE", "(14 bytes, not shown)", "open")
	}
}

// TestRebinding: over the loopback interface only a local Host is answered.
func TestRebinding(t *testing.T) {
	const misdirected = "421 Misdirected Request"
	for _, test := range []struct{ server, host, want string }{
		{"127.0.0.1", "example.com", misdirected},
		{"::1", "example.com:8000", misdirected},
		{"127.0.0.1", "localhost:8000", "200 OK"},
		{"127.0.0.1", "127.0.0.1", "200 OK"},
		{"192.0.2.1", "example.com", "200 OK"},
		{"", "example.com", "200 OK"},
	} {
		for _, path := range []string{"/", "/environ", "/form"} {
			fetchComplete(t, request(path, "SERVER_ADDR", test.server, "HTTP_HOST", test.host), test.want)
		}
	}
}
