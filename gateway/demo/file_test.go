package demo

import (
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

func TestFileIsWhole(t *testing.T) {
	a := fetchComplete(t, request("/file"), "200 OK")
	if len(a.body) != fileSize || a.Headers.Get("Content-Length") != "1048576" {
		t.Errorf("got %d bytes and Content-Length %q; want 1048576", len(a.body), a.Headers.Get("Content-Length"))
	}
	if first, last := a.body[:32], a.body[len(a.body)-32:]; first != "cgikit demo, line             1\n" || last != "cgikit demo, line         32768\n" {
		t.Errorf("got the first line %q and the last %q", first, last)
	}
	// RFC 6266 section 4.3: an ASCII name for old recipients, and the real one.
	const want = `attachment; filename="Gr__e von cgikit _ _____.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20von%20cgikit%20`
	if got := a.Headers.Get("Content-Disposition"); !strings.HasPrefix(got, want) {
		t.Errorf("got Content-Disposition %q; want %q...", got, want)
	}
}

func TestFileLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // Windows
	fetchComplete(t, request("/file"), "200 OK")
	fetchComplete(t, request("/file", "REQUEST_METHOD", "HEAD"), "200 OK")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("got %v left in the temporary folder, error %v", left, err)
	}
}

func TestFileWithoutAPlaceIsAnError(t *testing.T) {
	t.Setenv("TMPDIR", "/nowhere/at/all")
	t.Setenv("TMP", "/nowhere/at/all")
	fetchComplete(t, request("/file"), "500 Internal Server Error").lacks(t, "nowhere")
}

// fileSender records whether the gateway got a file, and so could use sendfile(2).
type fileSender struct {
	strings.Builder
	files int
}

func (s *fileSender) SendFile(f gateway.File, n int64) (int64, error) {
	s.files++
	return gateway.SendFile(&s.Builder, f, n, nil)
}

func TestFileIsSentAsAFile(t *testing.T) {
	out := &fileSender{}
	h := &gateway.BaseCGIHandler{Environ: request("/file").Environ, Stdout: out}
	if err := h.Run(t.Context(), App()); err != nil || out.files != 1 {
		t.Errorf("got error %v and %d files; want none and 1", err, out.files)
	}
}
