package host_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
)

// offloading returns a Handler whose backend answers with these fields, and that may send the files of root as /protected.
func offloading(root, fields string) *host.Handler {
	h := handler(says(fields + "Content-Length: 4\n\nbody"))
	h.Offload = map[string]string{"/protected": root, "/protected/deep/": filepath.Join(root, "other")}
	return h
}

func TestOffload(t *testing.T) {
	root := site(t, "a.txt", "dir/b c.bin", "other/x.txt", "deep/x.txt", "noext")
	for _, c := range []struct{ name, fields, body, contentType string }{
		{"X-Accel-Redirect", "Status: 200 OK\nX-Accel-Redirect: /protected/a.txt\n", "a.txt", "text/plain; charset=utf-8"},
		{"encoded, with a query", "Status: 200 OK\nX-Accel-Redirect: /protected/dir/b%20c.bin?x\n", "dir/b c.bin", "application/octet-stream"},
		{"the longest prefix", "Status: 200 OK\nX-Accel-Redirect: /protected/deep/x.txt\n", "other/x.txt", "text/plain; charset=utf-8"},
		{"the application's Content-Type", "Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\n", "a.txt", "a/b"},
		{"X-Sendfile", "Status: 200 OK\nX-Sendfile: " + filepath.Join(root, "a.txt") + "\n", "a.txt", "text/plain; charset=utf-8"},
		{"X-Sendfile as it is", "Status: 200 OK\nX-Sendfile: " + filepath.Join(root, "dir", "b c.bin") + "\n", "dir/b c.bin", "application/octet-stream"},
		{"an encoding of the application's", "Content-Encoding: x\nContent-Type: a/b\nX-Accel-Redirect: /protected/a.txt\n", "a.txt", "a/b"},
		{"a file of no known type is not sniffed", "Status: 200 OK\nX-Accel-Redirect: /protected/noext\n", "noext", "application/octet-stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := get(t, offloading(root, c.fields+"X-Mine: 1\nX-Accel-Limit-Rate: 5\n"), "/")
			a.want(t, 200, c.body)
			for name, want := range map[string]string{"Content-Type": c.contentType, "X-Mine": "1", "X-Accel-Redirect": "", "X-Sendfile": "", "X-Accel-Limit-Rate": ""} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: got %q; want %q", name, got, want)
				}
			}
		})
	}
}

// TestOffloadRanges: a part of the file, a condition, and HEAD are answered as net/http answers them for files.
func TestOffloadRanges(t *testing.T) {
	h := offloading(site(t, "a.txt"), "Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\nETag: \"1\"\n")
	get(t, h, "/", "Range", "bytes=2-3").want(t, 206, "tx")
	get(t, h, "/", "If-None-Match", `"1"`).want(t, 304, "")
	a := fetch(t, h, "HEAD", "/", nil)
	if a.want(t, 200, ""); a.header.Get("Content-Length") != "5" {
		t.Errorf("got %v; want the file's length", a.header)
	}
}

// TestOffloadRefuses what is outside the folders, and does not tell a client why (CVE-2025-61780, CVE-2026-7381).
func TestOffloadRefuses(t *testing.T) {
	outside := site(t, "secret")
	root := site(t, "a.txt", "dir/")
	links := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link")) == nil &&
		os.Symlink(outside, filepath.Join(root, "out")) == nil
	for value, want := range map[string]int{
		"X-Accel-Redirect: /protected/missing":                404,
		"X-Accel-Redirect: /elsewhere/a.txt":                  502,
		"X-Accel-Redirect: /protectedx/a.txt":                 502,
		"X-Accel-Redirect: /protected":                        502,
		"X-Accel-Redirect: /protected/":                       502,
		"X-Accel-Redirect: /protected/dir":                    502,
		"X-Accel-Redirect: /protected/../secret":              502,
		"X-Accel-Redirect: /protected/%2e%2e/secret":          502,
		"X-Accel-Redirect: /protected/dir/../a.txt":           502,
		"X-Accel-Redirect: /protected//a.txt":                 502,
		"X-Accel-Redirect: /protected/a.txt%00":               502,
		"X-Accel-Redirect: /protected/%zz":                    502,
		"X-Accel-Redirect: " + root + "/a.txt":                502,
		"X-Sendfile: " + filepath.Join(outside, "secret"):     502,
		"X-Sendfile: " + root + "-private/a.txt":              502,
		"X-Sendfile: " + root + "/../x":                       502,
		"X-Sendfile: a.txt":                                   502,
		"X-Sendfile: " + root:                                 502,
		"X-Sendfile: " + filepath.Join(root, "missing"):       404,
		"X-Accel-Redirect: /protected/link":                   502,
		"X-Accel-Redirect: /protected/out/secret":             502,
		"X-Sendfile: " + filepath.Join(root, "out", "secret"): 502,
	} {
		if !links && strings.Contains(value, "/link") || !links && strings.Contains(value, "out/") {
			continue
		}
		log := &logBuffer{}
		h := offloading(root, "Content-Type: a/b\n"+value+"\n")
		h.ErrorLog = log.logger()
		a := get(t, h, "/")
		if a.status != want || strings.Contains(a.body, "secret") {
			t.Errorf("%s: got %+v; want %d", value, a, want)
		}
		if want == 502 && strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("%s: got the log %q", value, log)
		}
	}
}

// TestOffloadIsOptIn, and no request turns it on.
func TestOffloadIsOptIn(t *testing.T) {
	root := site(t, "a.txt")
	h := handler(says("Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\nX-Sendfile: " + root + "/a.txt\n\nbody"))
	get(t, h, "/", "X-Sendfile-Type", "X-Sendfile", "X-Accel-Mapping", root+"=/protected").want(t, 200, "body")
}

// TestOffloadOfAPipe does not wait for somebody to write into it.
func TestOffloadOfAPipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("devices are elsewhere on Windows")
	}
	h := handler(says("Content-Type: a/b\nX-Accel-Redirect: /dev/null\n\nbody"))
	h.Offload = map[string]string{"/dev": "/dev"}
	if a := get(t, h, "/"); a.status != 502 {
		t.Errorf("got %+v; want a 502", a)
	}
}

// TestOffloadDrains: the backend's own answer is read to its end, so that its connection can be used again (C36).
func TestOffloadDrains(t *testing.T) {
	body := strings.NewReader("Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\n\n" + strings.Repeat("x", 5000))
	h := offloading(site(t, "a.txt"), "")
	h.Backend = backendFunc(func(*gateway.Request) (*gateway.Response, error) {
		return gateway.ReadResponse(&stream{Reader: body}, 0)
	})
	if get(t, h, "/").want(t, 200, "a.txt"); body.Len() != 0 {
		t.Errorf("%d bytes were left unread", body.Len())
	}
}
