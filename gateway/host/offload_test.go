package host_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
)

// offloading returns a Handler whose backend answers with these fields, and whose Offload has root
// as /protected.
func offloading(root, fields string) *host.Handler {
	h := handler(says(fields + "Content-Length: 4\n\nbody"))
	h.Offload = map[string]string{"/protected": root, "/protected/deep/": filepath.Join(root, "other")}
	return h
}

func TestOffload(t *testing.T) {
	root := site(t, "a.txt", "dir/b c.bin", "other/x.txt", "deep/x.txt", "noext", ".cache/a")
	for _, c := range []struct{ name, fields, body, contentType string }{
		{"X-Accel-Redirect", "Status: 200 OK\nX-Accel-Redirect: /protected/a.txt\n", "a.txt", "text/plain; charset=utf-8"},
		{"encoded, with a query", "Status: 200 OK\nX-Accel-Redirect: /protected/dir/b%20c.bin?x\n", "dir/b c.bin", "application/octet-stream"},
		{"the longest prefix", "Status: 200 OK\nX-Accel-Redirect: /protected/deep/x.txt\n", "other/x.txt", "text/plain; charset=utf-8"},
		{"the application's Content-Type", "Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\n", "a.txt", "a/b"},
		{"X-Sendfile", "Status: 200 OK\nX-Sendfile: " + filepath.Join(root, "a.txt") + "\n", "a.txt", "text/plain; charset=utf-8"},
		{"X-Sendfile as it is", "Status: 200 OK\nX-Sendfile: " + filepath.Join(root, "dir", "b c.bin") + "\n", "dir/b c.bin", "application/octet-stream"},
		{"an encoding of the application's", "Content-Encoding: x\nContent-Type: a/b\nX-Accel-Redirect: /protected/a.txt\n", "a.txt", "a/b"},
		{"empty segments", "Status: 200 OK\nX-Accel-Redirect: //protected//dir/.//b%20c.bin\n", "dir/b c.bin", "application/octet-stream"},
		{"empty segments of X-Sendfile", "Status: 200 OK\nX-Sendfile: /" + root + "//./a.txt\n", "a.txt", "text/plain; charset=utf-8"},
		{"hidden", "Status: 200 OK\nX-Accel-Redirect: /protected/.cache/a\n", ".cache/a", "application/octet-stream"},
		{"nothing but the name", "X-Accel-Redirect: /protected/a.txt\n", "a.txt", "text/plain; charset=utf-8"},
		{"a file of no known type is not sniffed", "Status: 200 OK\nX-Accel-Redirect: /protected/noext\n", "noext", "application/octet-stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := get(t, offloading(root, c.fields+"X-Mine: 1\nX-Accel-Limit-Rate: 5\n"), "/")
			a.want(t, 200, c.body)
			nosniff := "nosniff"
			if strings.Contains(c.fields, "Content-Type:") {
				nosniff = ""
			}
			for name, want := range map[string]string{"Content-Type": c.contentType, "X-Content-Type-Options": nosniff, "X-Mine": "1", "X-Accel-Redirect": "", "X-Sendfile": "", "X-Accel-Limit-Rate": ""} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: got %q; want %q", name, got, want)
				}
			}
		})
	}
}

// TestOffloadRanges: range and conditional requests and HEAD are answered as net/http answers them
// for files.
func TestOffloadRanges(t *testing.T) {
	h := offloading(site(t, "a.txt"), "Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\nETag: \"1\"\n")
	get(t, h, "/", "Range", "bytes=2-3").want(t, 206, "tx")
	get(t, h, "/", "If-None-Match", `"1"`).want(t, 304, "")
	a := fetch(t, h, "HEAD", "/", nil)
	if a.want(t, 200, ""); a.header.Get("Content-Length") != "5" {
		t.Errorf("got %v; want the file's length", a.header)
	}
}

// TestOffloadStatus: the status is the application's, and a range of the file is sent only if the
// status allows it. Fields that describe the body which is not sent are removed.
func TestOffloadStatus(t *testing.T) {
	root := site(t, "0123456789", "empty/x")
	if err := os.WriteFile(filepath.Join(root, "empty", "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const file, ten = "X-Accel-Redirect: /protected/0123456789\n", "0123456789"
	for _, c := range []struct {
		name, fields, request string
		status                int
		body, contentRange    string
	}{
		{"200", "Status: 200 OK\n" + file, "", 200, ten, ""},
		{"404 page", "Status: 404 Not Found\n" + file, "", 404, ten, ""},
		{"404 page, a part of it", "Status: 404 Not Found\n" + file, "Range", 404, ten, ""},
		{"404 page, on a condition", "Status: 404 Not Found\nETag: \"e\"\n" + file, "If-None-Match", 404, ten, ""},
		{"201", "Status: 201 Created\n" + file, "", 201, ten, ""},
		{"500", "Status: 500 Oops\n" + file, "", 500, ten, ""},
		{"302", "Location: http://x/\n" + file, "", 302, ten, ""},
		{"304", "Status: 304 Not Modified\n" + file, "", 304, "", ""},
		{"204", "Status: 204 No Content\n" + file, "", 204, "", ""},
		{"205", "Status: 205 Reset Content\n" + file, "", 205, "", ""},
		{"a file that is missing", "Status: 403 Forbidden\nX-Accel-Redirect: /protected/missing\n", "", 404, "There is nothing here.\n", ""},
		{"200, a part", "Status: 200 OK\n" + file, "Range", 206, "2345", "bytes 2-5/10"},
		{"200, on a condition", "Status: 200 OK\nETag: \"e\"\n" + file, "If-None-Match", 304, "", ""},
		{"200 with a stale range", "Status: 200 OK\nContent-Range: bytes 0-3/4\n" + file, "", 200, ten, ""},
		{"206 as the client asked", "Status: 206 Partial Content\nContent-Range: bytes 2-5/10\n" + file, "Range", 206, "2345", "bytes 2-5/10"},
		{"206 of unknown size", "Status: 206 Partial Content\nContent-Range: bytes 9-9/*\n" + file, "", 206, "9", "bytes 9-9/10"},
		{"206 of another file", "Status: 206 Partial Content\nContent-Range: bytes 0-3/4\n" + file, "", 206, ten, "bytes 0-9/10"},
		{"206 past the end", "Status: 206 Partial Content\nContent-Range: bytes 5-10/10\n" + file, "", 206, ten, "bytes 0-9/10"},
		{"206 without a range", "Status: 206 Partial Content\n" + file, "", 206, ten, "bytes 0-9/10"},
		{"206 in several parts", "Status: 206 Partial Content\nContent-Type: multipart/byteranges; boundary=x\n" + file, "", 206, ten, "bytes 0-9/10"},
		{"206 of an empty file", "Status: 206 Partial Content\nX-Accel-Redirect: /protected/empty/x\n", "", 200, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := offloading(root, c.fields+"Content-Encoding: gzip\nContent-MD5: x\nContent-Digest: x\nDigest: x\nContent-Language: de\n")
			var request []string
			switch c.request {
			case "Range":
				request = []string{"Range", "bytes=2-5"}
			case "If-None-Match":
				request = []string{"If-None-Match", `"e"`}
			}
			a := get(t, h, "/", request...)
			a.want(t, c.status, c.body)
			want := map[string]string{"Content-Range": c.contentRange}
			if c.status != 204 && c.status != 205 && c.status != 304 && !strings.Contains(c.fields, "missing") {
				want = map[string]string{
					"Content-Range": c.contentRange, "Content-Length": strconv.Itoa(len(c.body)), "Content-Language": "de",
					"Content-Encoding": "", "Content-MD5": "", "Content-Digest": "", "Digest": "", "Content-Type": "application/octet-stream",
				}
			}
			for name, want := range want {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: got %q; want %q", name, got, want)
				}
			}
		})
	}
	a := fetch(t, offloading(root, "Status: 404 Not Found\n"+file), "HEAD", "/", nil)
	if a.want(t, 404, ""); a.header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: got %v; want the file's length", a.header)
	}
	a = fetch(t, offloading(root, "Status: 200 OK\n"+file), "POST", "/", nil, "Range", "bytes=2-5")
	a.want(t, 200, ten)
}

// TestOffloadRealPath: X-Sendfile may also have the path without symbolic links, which the system
// returns to an application in a folder that is a link. The link may be changed to the next
// release.
func TestOffloadRealPath(t *testing.T) {
	top := site(t, "r1/files/a.txt")
	if err := os.Symlink("r1", filepath.Join(top, "current")); err != nil {
		t.Skipf("symbolic links: %v", err)
	}
	for _, name := range []string{"current/files/a.txt", "r1/files/a.txt"} {
		h := handler(says("Content-Type: a/b\nX-Sendfile: " + filepath.Join(top, name) + "\n\n"))
		h.Offload = map[string]string{"/protected": filepath.Join(top, "current/files")}
		get(t, h, "/").want(t, 200, "r1/files/a.txt")
	}
}

// TestOffloadWithoutFolder: a missing folder is the server's fault.
func TestOffloadWithoutFolder(t *testing.T) {
	h := handler(says("Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\n\n"))
	h.Offload = map[string]string{"/protected": filepath.Join(site(t), "missing")}
	if a := get(t, h, "/"); a.status != 500 {
		t.Errorf("got %+v; want a 500", a)
	}
}

// TestOffloadRefuses: files outside the folders are not sent, and the client does not get the
// reason (CVE-2025-61780, CVE-2026-7381).
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
		h.ErrorLog, h.Symlinks = log.logger(), exchange.SymlinksNone
		a := get(t, h, "/")
		if a.status != want || strings.Contains(a.body, "secret") {
			t.Errorf("%s: got %+v; want %d", value, a, want)
		}
		if want == 502 && strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("%s: got the log %q", value, log)
		}
	}
}

// TestOffloadIsOptIn: without Offload, no request can turn it on.
func TestOffloadIsOptIn(t *testing.T) {
	root := site(t, "a.txt")
	h := handler(says("Content-Type: a/b\nX-Accel-Redirect: /protected/a.txt\nX-Sendfile: " + root + "/a.txt\n\nbody"))
	get(t, h, "/", "X-Sendfile-Type", "X-Sendfile", "X-Accel-Mapping", root+"=/protected").want(t, 200, "body")
}

// TestOffloadOfAPipe: opening a named pipe does not wait for a writer.
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

// TestOffloadDrains: the backend's own answer is read to its end, so that its connection can be
// used again (C36).
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
