//go:build unix

package host_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
)

// offloadCases are responses that name a file by FILE. A request names a case by its number.
var offloadCases = []struct {
	name, status string
	fields       []string // names and values in turn
	request      []string
}{
	{"200", "200 OK", []string{"FILE", "a.txt"}, nil},
	{"empty segments", "200 OK", []string{"FILE", "/sub//./b.txt"}, nil},
	{"type of the application", "200 OK", []string{"FILE", "a.txt", "Content-Type", "a/b"}, nil},
	{"other fields", "200 OK", []string{"FILE", "a.txt", "Content-Disposition", "inline", "Set-Cookie", "a=b", "Cache-Control", "no-store"}, nil},
	{"no type", "200 OK", []string{"FILE", "upload"}, nil},
	{"part", "200 OK", []string{"FILE", "a.txt"}, []string{"Range", "bytes=2-3"}},
	{"no such part", "200 OK", []string{"FILE", "a.txt"}, []string{"Range", "bytes=99-"}},
	{"part of the application's", "206 Partial Content", []string{"FILE", "a.txt", "Content-Range", "bytes 2-3/10"},
		[]string{"Range", "bytes=2-3"}},
	{"missing", "200 OK", []string{"FILE", "missing"}, nil},
	{"404", "404 Not Found", []string{"FILE", "a.txt"}, nil},
	{"404 in part", "404 Not Found", []string{"FILE", "a.txt"}, []string{"Range", "bytes=2-3"}},
	{"201", "201 Created", []string{"FILE", "a.txt"}, nil},
	{"302", "302 Found", []string{"FILE", "a.txt", "Location", "http://example.org/"}, nil},
	{"304", "304 Not Modified", []string{"FILE", "a.txt"}, nil},
	{"condition", "200 OK", []string{"FILE", "a.txt", "Content-Type", "a/b", "ETag", `"e"`}, []string{"If-None-Match", `"e"`}},
	{"encoding", "200 OK", []string{"FILE", "a.txt", "Content-Encoding", "gzip"}, nil},
}

// TestOffloadAsServers: a response that names a file is answered as by lighttpd and nginx, with the
// exceptions listed here.
func TestOffloadAsServers(t *testing.T) {
	for template, s := range map[string]struct {
		field, prefix string   // of the file
		differ        []string // cases that differ; the reasons stand below
	}{
		// lighttpd sends the whole file under a 206 with the part's Content-Range, and keeps the
		// encoding of a body that was not sent.
		"lighttpd-fastcgi": {"X-Sendfile", "", []string{"part of the application's", "encoding"}},
		// nginx answers 200 whatever the status was, and does not heed an ETag of the application.
		"nginx-fastcgi": {"X-Accel-Redirect", "/protected/", []string{"404", "404 in part", "201", "302", "304", "condition"}},
	} {
		t.Run(template, func(t *testing.T) {
			dir := webserver.Dir(t)
			if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a.txt", "sub/b.txt", "upload"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("<script>a "), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if s.prefix == "" {
				s.prefix = dir + "/"
			}
			app := naming(s.field, s.prefix)
			server := webserver.Start(t, webserver.Config{Template: template, Backend: listening(t, app), Offload: dir, Buffered: true})
			ours := httptest.NewServer(&host.Handler{
				Backend: gateway.Local(app), Offload: map[string]string{"/protected": dir}, ErrorLog: quiet,
			})
			defer ours.Close()
			for i, c := range offloadCases {
				theirs, got := look(t, server.URL, i), look(t, ours.URL, i)
				if differs := slices.Contains(s.differ, c.name); (got != theirs) != differs {
					t.Errorf("%s: got\n%s; the server answers\n%s; expected to differ: %v", c.name, got, theirs, differs)
				}
			}
		})
	}
}

// naming is an application that answers with offloadCases.
func naming(field, prefix string) gateway.App {
	return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		c := offloadCases[int(r.Environ.Get("QUERY_STRING")[0]-'a')]
		var errs []error
		for f := range slices.Chunk(c.fields, 2) {
			if f[0] == "FILE" {
				f = []string{field, prefix + f[1]}
			}
			errs = append(errs, w.Headers().Set(f[0], f[1]))
		}
		return errors.Join(append(errs, w.Start(c.status))...)
	})
}

func listening(t *testing.T, app gateway.App) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fastcgi.Server{App: app}
	over := make(chan error, 1)
	go func() { over <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-over
	})
	return l.Addr()
}

// look requests a case, and returns the parts of the answer that must be equal.
func look(t *testing.T, url string, i int) string {
	t.Helper()
	r, err := http.NewRequest("GET", url+"/?"+string(rune('a'+i)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for f := range slices.Chunk(offloadCases[i].request, 2) {
		r.Header.Set(f[0], f[1])
	}
	r.Header.Set("Accept-Encoding", "identity")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(resp.Status[:3])
	if resp.StatusCode == 416 || resp.StatusCode == 404 && !strings.Contains(string(body), "script") {
		return b.String() // each has its own page
	}
	for _, name := range []string{"Content-Length", "Content-Range", "Content-Encoding", "Content-Disposition", "Set-Cookie", "Cache-Control", "Location"} {
		if value := resp.Header.Get(name); value != "" {
			b.WriteString("\n" + name + ": " + value)
		}
	}
	if offloadCases[i].name == "type of the application" {
		b.WriteString("\n" + resp.Header.Get("Content-Type"))
	}
	return b.String() + "\n" + string(body)
}
