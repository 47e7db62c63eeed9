package demo

import (
	"strings"
	"testing"
)

func TestHelloShowsTheRequest(t *testing.T) {
	r := request("/", "HTTP_HOST", "demo.example", "SCRIPT_NAME", "/app", "QUERY_STRING", "", "SCGI", "1")
	a := fetchComplete(t, r, "200 OK")
	a.contains(t,
		"<h1>Hello, world</h1>",
		"http://demo.example/app/",
		`<caption>6 variables`,
		`<th scope="row">HTTP_HOST</th><td>demo.example</td>`,
		`<th scope="row">QUERY_STRING</th><td><span class="nothing">empty</span></td>`,
	)
}

func TestHelloKeepsOrderAndRepeats(t *testing.T) {
	r := request("/")
	r.Environ.Add("ZZZ", "first")
	r.Environ.Add("AAA", "second")
	r.Environ.Add("ZZZ", "third")
	body := fetchComplete(t, r, "200 OK").body
	at := 0
	for _, value := range []string{"first", "second", "third"} {
		i := strings.Index(body[at:], "<td>"+value)
		if i < 0 {
			t.Fatalf("got no %q after byte %d", value, at)
		}
		at += i
	}
}

// Everything on a page may come from the client or from a web server's configuration.
func TestPagesEscapeEverything(t *testing.T) {
	const attack = `"'><script>alert(1)</script>`
	r := request("/", "HTTP_X_ATTACK", attack, "HTTP_HOST", attack, "QUERY_STRING", attack, "SCRIPT_NAME", "/"+attack)
	r.Environ.Add(attack, "a name")
	a := fetchComplete(t, r, "200 OK")
	a.lacks(t, "<script", `"'>`)
	a.contains(t, "&lt;script&gt;alert(1)&lt;/script&gt;")
	fetchComplete(t, request(attack), "404 Not Found").lacks(t, "<script")
}

// The policy of the page allows no other resource.
func TestPagesLoadNothing(t *testing.T) {
	a := fetchComplete(t, request("/"), "200 OK")
	policy := a.Headers.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "script-src") {
		t.Errorf("got Content-Security-Policy %q", policy)
	}
	a.lacks(t, "<script", `rel="stylesheet"`, `href="http`, "<img", "@import", "url(")
	a.contains(t, "<!DOCTYPE html>", `<html lang="en">`, `name="viewport"`)
}
