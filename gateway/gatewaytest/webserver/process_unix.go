//go:build unix

package webserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// process is a server's first process. It leads a process group of its own: Apache, when it is told
// to stop, signals the whole group it is in, which otherwise would be the test's.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process has ended and err is set
	err    error
}

// startProcess runs cmd, with its output and its children's appended to the file called output. Its
// environment is only what a system's first process gives its services, lest an application sees
// the test's own variables.
func startProcess(cmd *exec.Cmd, output string) (*process, error) {
	out, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
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

// stop asks the process to end and waits until it and its whole group are gone. What is still there
// after limit is killed, and that is the error.
func (p *process) stop(limit time.Duration) error {
	deadline := time.After(limit)
	p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended already
	for p.groupLives() {
		select {
		case <-deadline:
			syscall.Kill(-p.pid(), syscall.SIGKILL)
			<-p.exited
			return fmt.Errorf("still there %s after SIGTERM, and killed", limit)
		case <-time.After(pause):
		}
	}
	<-p.exited
	return nil
}

// giveAway gives dir to the user whom the server's workers are to run as, and returns the names to
// configure: none when the test does not run as root, since the workers then run as its own user.
func giveAway(dir string) (userName, groupName string, err error) {
	if os.Geteuid() != 0 {
		return "", "", nil
	}
	for _, name := range []string{"www-data", "www", "_www", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return handOver(dir, u)
		}
	}
	return "", "", errors.New("root needs a user www-data, www, _www or nobody for the server's workers")
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

// lookPath finds a program in PATH and in the folders where Unix systems keep their servers. Red
// Hat's and FreeBSD's Apache is called httpd.
func lookPath(name string) (string, error) {
	names := []string{name}
	if name == "apache2" {
		names = append(names, "httpd")
	}
	for _, n := range names {
		for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/", "/usr/local/bin/", "/opt/homebrew/bin/"} {
			if path, err := exec.LookPath(dir + n); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("no program %q in PATH, /usr/sbin, /usr/local or /opt/homebrew/bin", names[0])
}

// sameOwner reports whether both files are there and belong to the same user.
func sameOwner(a, b string) bool {
	var owners [2]uint32
	for i, name := range []string{a, b} {
		info, err := os.Stat(name)
		if err != nil {
			return false
		}
		owners[i] = info.Sys().(*syscall.Stat_t).Uid // always that on Unix
	}
	return owners[0] == owners[1]
}
