//go:build unix

package webserver

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/testdata/conf"
)

// process is a server's first process, the leader of its own process group. Apache, when it stops,
// signals the whole group that it is in, which must not be that of the test.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process has ended and err is set
	err    error
}

// startProcess runs cmd, with its output and its children's appended to the file called output. Its
// environment has only the variables that an init system sets, so that an application does not see
// those of the test.
func startProcess(cmd *exec.Cmd, output string) (*process, error) {
	out, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if filepath.Base(cmd.Path) == "caddy" {
		cmd.Env = append(cmd.Env, "HOME="+filepath.Dir(output)) // it writes files there
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop sends SIGTERM and waits until the whole process group has ended. After limit it kills the
// group and returns an error.
func (p *process) stop(limit time.Duration) error {
	deadline := time.After(limit)
	p.cmd.Process.Signal(syscall.SIGTERM) // an error means that the process has ended
	for p.groupLives() {
		select {
		case <-deadline:
			syscall.Kill(-p.pid(), syscall.SIGKILL)
			<-p.exited
			return fmt.Errorf("still running %s after SIGTERM, and killed", limit)
		case <-time.After(pause):
		}
	}
	<-p.exited
	return nil
}

// chownToWorkers makes the user of the server's workers the owner of dir, and returns the names to
// configure. They are empty when the test does not run as root: the workers then run as the user of
// the test.
func chownToWorkers(dir string) (userName, groupName string, err error) {
	if os.Geteuid() != 0 {
		return "", "", nil
	}
	u, err := conf.Workers()
	if err != nil {
		return "", "", err
	}
	return handOver(dir, u)
}

func handOver(dir string, u *user.User) (userName, groupName string, err error) {
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return "", "", err
	}
	uid, _ := strconv.Atoi(u.Uid) // Unix ids are decimal
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		return "", "", err
	}
	return u.Username, g.Name, nil
}

func findProgram(name string) (string, error) { return conf.Find(name) }

// sameOwner reports whether both files are there and belong to the same user.
func sameOwner(a, b string) bool {
	var owners [2]uint32
	for i, name := range []string{a, b} {
		info, err := os.Stat(name)
		if err != nil {
			return false
		}
		owners[i] = info.Sys().(*syscall.Stat_t).Uid // always a *syscall.Stat_t on Unix
	}
	return owners[0] == owners[1]
}
