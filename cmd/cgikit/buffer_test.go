package main

import (
	"io"
	"log/slog"
	"testing"

	"github.com/cgikit/cgikit/gateway/host"
)

// TestOneBudget: the FastCGI listeners of serve have the Budget of the target's buffers, so that
// --buffer-memory and --buffer-files bound the bytes of the whole process.
func TestOneBudget(t *testing.T) {
	s := &serving{target: "cgi:" + t.TempDir(), errorLog: &logWriter{w: io.Discard}, accessWriter: &logWriter{w: io.Discard}}
	s.launch.Listen, s.launch.Log = []string{"fastcgi://127.0.0.1:0"}, slog.New(slog.DiscardHandler)
	s.options.buffer = bufferOptions{memory: 4 << 20, files: -1}
	s.accessLog, s.ready.ready = "off", readyAccepting
	s.precheck = precheck{only: true, out: io.Discard}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := s.launch.Budget
	if b == nil || b.MemoryBytes != 4<<20 || b.FileBytes != -1 {
		t.Fatalf("got %+v; want the sizes of the flags", b)
	}
	tg, err := openTarget(s.target, s.options, s.launch.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer tg.close()
	if h, ok := tg.app.(*host.Handler); !ok || h.Budget == nil || h.Budget != tg.budget {
		t.Errorf("the Handler of the target has a Budget of its own")
	}
}
