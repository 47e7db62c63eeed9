package cgi_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cgi"
)

// TestScriptLimits: the bounds are there from the start of a script on, soft and hard alike.
func TestScriptLimits(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n'
for l in t v f n; do printf '%s %s ' "$(ulimit -S -$l)" "$(ulimit -H -$l)"; done; cat /proc/self/limits | grep processes`)
	s.Limits = cgi.Limits{CPU: 1500 * time.Millisecond, Memory: 1 << 30, FileSize: 1 << 20, Files: 64, Processes: 1000}
	_, body, err := fetch(t, s, request("GET", nil))
	if err != nil || !strings.HasPrefix(body, "2 2 1048576 1048576 2048 2048 64 64 ") {
		t.Errorf("got %q, %v; want 2 s, 1048576 KiB, 2048 blocks, 64 files", body, err)
	}
	if fields := strings.Fields(body[strings.LastIndex(body, "Max"):]); len(fields) != 5 || fields[2] != "1000" || fields[3] != "1000" {
		t.Errorf("got %q; want 1000 processes", fields)
	}
}

// TestScriptCPULimit: one that computes for ever is ended.
func TestScriptCPULimit(t *testing.T) {
	t.Parallel()
	s := shell(t, `printf 'Content-Type: text/plain\n\nbody'; while :; do :; done`)
	s.Limits.CPU = time.Nanosecond // a second
	_, body, err := fetch(t, s, request("GET", nil))
	failure(t, err, 502, "the script failed")
	if body != "body" {
		t.Errorf("got %q; want body", body)
	}
}

// TestScriptRunsAs: uid, gid and groups are those that were asked for.
func TestScriptRunsAs(t *testing.T) {
	s := &cgi.Script{Path: "/bin/sh", Args: []string{"-c", `printf 'Content-Type: text/plain\n\n'; id -u; id -g; id -G`}, Dir: "/"}
	s.RunAs = &cgi.Credential{UID: 65534, GID: 65533, Groups: []uint32{65532}}
	_, body, err := fetch(t, s, request("GET", nil))
	if os.Getuid() != 0 {
		failure(t, err, 502, "the script cannot be started") // and it does not run as us
		return
	}
	if body != "65534\n65533\n65533 65532\n" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	s.RunAs.Groups = nil
	if _, body, err := fetch(t, s, request("GET", nil)); body != "65534\n65533\n65533\n" || err != nil {
		t.Errorf("without groups: got %q, %v", body, err)
	}
	s.Args[1] = `printf 'Content-Type: text/plain\n\n'; echo out >/dev/stdout; echo err >/dev/stderr`
	var log strings.Builder
	r := request("GET", nil)
	r.Stderr = &log
	if _, body, err := fetch(t, s, r); body != "out\n" || log.String() != "err\n" || err != nil {
		t.Errorf("by name: got %q, %v, log %q; want out, and err in the log", body, err, log.String())
	}
}
