package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// output starts the program with limits and returns what it writes.
func output(t *testing.T, l Limits, path string, args ...string) string {
	t.Helper()
	return outputAs(t, nil, l, path, args...)
}

func outputAs(t *testing.T, as *Credential, l Limits, path string, args ...string) string {
	t.Helper()
	theirs, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	stdout, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	c, err := Start(Command{Path: path, Args: append([]string{path}, args...), Dir: "/", Files: []*os.File{theirs, writer, writer}, RunAs: as, Limits: l})
	theirs.Close()
	writer.Close()
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return ""
	}
	text, _ := io.ReadAll(stdout)
	c.Await()
	if exit := c.Reap(); exit == nil || exit.Status != 0 {
		t.Errorf("%s: got %+v", path, exit)
	}
	return string(text)
}

// TestLimitsAtStart: a program has its limits from its first instruction on, however busy the
// machine is.
func TestLimitsAtStart(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for range 8 {
		all.Go(func() {
			for range 50 {
				if got := output(t, Limits{Files: 77}, "/bin/cat", "/proc/self/limits"); !strings.Contains(got, " 77  ") {
					t.Errorf("got %.2000s", got)
					return
				}
			}
		})
	}
}

// TestLimitsOfUser: root can bound a process of another user also without CAP_SYS_RESOURCE, and
// stays root.
func TestLimitsOfUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	as := &Credential{UID: 64321, GID: 64322}
	if got := outputAs(t, as, Limits{Files: 77}, "/bin/sh", "-c", "id -u; id -G; ulimit -n; ulimit -H -n"); got != "64321\n64322\n77\n77\n" {
		t.Errorf("got %q", got)
	}
	mayNotTrace.Store(true)
	defer mayNotTrace.Store(false)
	if got := outputAs(t, as, Limits{Files: 77}, "/bin/sh", "-c", `until [ "$(ulimit -n)" = 77 ]; do :; done; id -u`); got != "64321\n" {
		t.Errorf("without a trace: got %q", got)
	}
	if real, effective, saved := unix.Getresuid(); real+effective+saved != 0 {
		t.Errorf("this process has the users %d, %d and %d", real, effective, saved)
	}
}

// limitsVariable makes the test binary start a program with limits in a process that may not trace.
const limitsVariable = "CHILD_TEST_SECCOMP"

// TestLimitsWithoutTrace: in a sandbox that refuses ptrace(2), or ends the process that calls it,
// the program has its limits soon.
func TestLimitsWithoutTrace(t *testing.T) {
	if name := os.Getenv(limitsVariable); name != "" {
		forbid(t, unix.SYS_PTRACE, map[string]uint32{"refuse": retErrno | uint32(unix.EPERM), "kill": retKill}[name])
		for range 2 { // the second one knows
			fmt.Printf("limit %s\n", output(t, Limits{Files: 77}, "/bin/sh", "-c", `until [ "$(ulimit -n)" = 77 ]; do :; done; ulimit -n`))
		}
		return
	}
	for _, name := range []string{"refuse", "kill"} {
		c := exec.Command(os.Args[0], "-test.run=^TestLimitsWithoutTrace$")
		c.Env = append(os.Environ(), limitsVariable+"="+name)
		out, err := c.CombinedOutput()
		if err != nil || strings.Count(string(out), "limit 77\n") != 2 {
			t.Errorf("%s: got %.2000s, %v", name, out, err)
		}
	}
}

// TestLimitsOfSameUser: this process changes its real user only where it cannot set the limits
// otherwise.
func TestLimitsOfSameUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can set the groups of a program")
	}
	if os.Getenv(limitsVariable) != "" {
		forbid(t, setresuid, retErrno|uint32(unix.EPERM))
		fmt.Printf("limit %s\n", outputAs(t, new(Credential), Limits{Files: 77}, "/bin/sh", "-c", "ulimit -n"))
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestLimitsOfSameUser$")
	c.Env = append(os.Environ(), limitsVariable+"=user")
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "limit 77\n") {
		t.Errorf("got %.2000s, %v", out, err)
	}
}

// TestLimitsRefused: a program whose limits the system refuses is ended and leaves no process.
func TestLimitsRefused(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for range 20 {
		c, err := Start(Command{
			Path: "/bin/cat", Args: []string{"cat"}, Dir: "/", Files: []*os.File{null, null, null},
			Limits: Limits{Files: 1 << 40}, // above fs.nr_open
		})
		if !errors.Is(err, unix.EPERM) {
			t.Fatalf("got %v, %v; want EPERM", c, err)
		}
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("got the process %d, %v; want none", pid, err)
	}
}

// The actions of a filter, of the kernel's include/uapi/linux/seccomp.h.
const (
	retKill  = 0x80000000
	retErrno = 0x00050000
	retAllow = 0x7fff0000
)

// forbid makes a system call fail in this process and those that it starts.
func forbid(t *testing.T, call, action uint32) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: call},
		{Code: unix.BPF_RET | unix.BPF_K, K: action},
		{Code: unix.BPF_RET | unix.BPF_K, K: retAllow},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, 1 /* SECCOMP_SET_MODE_FILTER */, 1 /* of all threads */, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		t.Skip("seccomp: ", errno)
	}
}

// TestGainsRights: a program that becomes another user is not traced, since the system would not
// let it.
func TestGainsRights(t *testing.T) {
	path := t.TempDir() + "/program"
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if gainsRights(path) {
		t.Error("a plain file gains rights")
	}
	if err := os.Chmod(path, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if !gainsRights(path) {
		t.Error("set-user-ID: gains no rights")
	}
}
