//go:build unix

package host_test

import (
	"crypto/md5"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// headFirst prints its head before it reads the body, as git http-backend does, and then the body's
// checksum.
var headFirst = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "text/plain"); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	h := md5.New()
	if _, err := io.Copy(h, r.Stdin); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%x  -\n", h.Sum(nil))
	return err
})

// headFirstScript is a script that does the same.
func headFirstScript(t *testing.T) string {
	t.Helper()
	script := filepath.Join(webserver.Dir(t), "head-first")
	webserver.WriteProgram(t, script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec md5sum\n")
	return script
}

// nginxBody is more bytes than nginx, the kernel and the pipes buffer together.
const nginxBody = 24 << 20

// noise returns a body of that many bytes, always the same, that does not compress.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

// TestLargeBodyBehindNginx: nginx with its stock files and its own buffering stops sending a body
// when it sees the head of the response. A target that sends its head first gets all of a large
// body all the same: over each protocol, with buffering, without it, and in a program that calls
// the target by gateway.Forward alone.
func TestLargeBodyBehindNginx(t *testing.T) {
	t.Parallel()
	h := md5.New()
	if _, err := io.Copy(h, noise(nginxBody)); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x  -\n", h.Sum(nil))
	targets := map[string]func(*testing.T) gateway.Backend{
		"cgi":     func(t *testing.T) gateway.Backend { return &cgi.Script{Path: headFirstScript(t)} },
		"fastcgi": func(t *testing.T) gateway.Backend { return fastcgiBackend(t, headFirst) },
		"scgi":    func(t *testing.T) gateway.Backend { return scgiBackend(t, headFirst) },
	}
	for target, open := range targets {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			behindNginx(t, func(t *testing.T, listen func(gateway.Backend) string) {
				postThroughNginx(t, listen(open(t)), 200, want)
			})
		})
	}
}

// TestEarlyAnswerBehindNginx: the client gets the answer of a script that refuses a large body
// without reading it.
func TestEarlyAnswerBehindNginx(t *testing.T) {
	t.Parallel()
	const answer = "Status: 413 Content Too Large\nContent-Type: text/plain\n\ntoo large\n"
	behindNginx(t, func(t *testing.T, listen func(gateway.Backend) string) {
		postThroughNginx(t, listen(&cgi.Script{Path: rawScript(t, "refuses", answer)}), 413, "too large\n")
	})
}

// behindNginx runs test for each protocol between nginx, with its stock files and its own
// buffering, and a program, and for each way in which the program may ask a target. listen serves a
// target so, and returns nginx's URL.
func behindNginx(t *testing.T, test func(t *testing.T, listen func(gateway.Backend) string)) {
	ways := map[string]func(gateway.Backend) gateway.App{
		"buffered": func(b gateway.Backend) gateway.App { return &host.Handler{Backend: b, Buffer: true, ErrorLog: quiet} },
		"streamed": func(b gateway.Backend) gateway.App { return &host.Handler{Backend: b, ErrorLog: quiet} },
		"Forward":  gateway.Forward,
	}
	for template, listener := range map[string]func(gateway.App) server{
		"nginx-fastcgi": func(app gateway.App) server { return &fastcgi.Server{App: app, ErrorLog: quiet} },
		"nginx-scgi":    func(app gateway.App) server { return &scgi.Server{App: app, ErrorLog: quiet} },
		"nginx-http":    func(app gateway.App) server { return &httpapp.Server{App: app, ErrorLog: quiet} },
	} {
		for way, forward := range ways {
			t.Run(template+" "+way, func(t *testing.T) {
				t.Parallel()
				test(t, func(b gateway.Backend) string {
					addr, err := net.ResolveTCPAddr("tcp", serve(t, listener(forward(b))))
					if err != nil {
						t.Fatal(err)
					}
					return webserver.Start(t, webserver.Config{Template: template, Backend: addr, Stock: true, Buffered: true}).URL
				})
			})
		}
	}
}

// postThroughNginx sends nginxBody bytes.
func postThroughNginx(t *testing.T, url string, status int, want string) {
	t.Helper()
	r, err := http.NewRequest("POST", url+"/", noise(nginxBody))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = nginxBody
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); resp.StatusCode != status || string(got) != want || err != nil {
		t.Errorf("got %s, %.100q, %v; want %d and %.100q", resp.Status, got, err, status, want)
	}
}
