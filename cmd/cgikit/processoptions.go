package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/account"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/child"
)

// processOptions are the flags of the user, the folder and the limits of each process that this one
// starts: a worker of a program, or a CGI script.
type processOptions struct {
	user, group, folder string
	cpu                 time.Duration
	memory              int64
	files, processes    uint64
}

func (o *processOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.user, "user", "", "run processes as this `user`, as NAME or NAME:GROUP, or numbers; only root can (default the user of cgikit)")
	f.StringVar(&o.group, "group", "", "run processes in this `group` alone, a name or number (default the groups of --user)")
	f.StringVar(&o.folder, "chdir", "", "`folder` in which processes run (default the working folder, and for a CGI script its own)")
	f.DurationVar(&o.cpu, "cpu", 0, "processor `time` after which the system ends a process, such as 10m (Linux; default no limit)")
	f.Var((*byteSize)(&o.memory), "memory", "largest `size` of a process's address space, such as 1G (Linux; default no limit)")
	f.Uint64Var(&o.files, "files", 0, "largest `number` of open files of a process (Linux; default that of cgikit)")
	f.Uint64Var(&o.processes, "processes", 0, "largest `number` of processes and threads of --user (Linux; default that of cgikit)")
}

// limits returns the limits of the flags.
func (o *processOptions) limits() child.Limits {
	return child.Limits{CPU: o.cpu, Memory: uint64(o.memory), Files: o.files, Processes: o.processes}
}

// check finds mistakes in the flags. Of the system, it looks only at the folder.
func (o *processOptions) check() error {
	if o.cpu < 0 {
		return cli.Usage(errors.New("--cpu cannot be negative"), "without the flag there is no limit")
	}
	if o.folder == "" {
		return nil
	}
	if info, err := os.Stat(o.folder); err != nil || !info.IsDir() {
		return cli.Usage(fmt.Errorf("--chdir %.100q is not a folder", o.folder), "the folder must exist")
	}
	return nil
}

// checkProgram returns an error if the system could not start the program at the absolute path: the
// interpreter that it names is missing, or the user may not execute the file. name is the path as
// the user wrote it.
func (o *processOptions) checkProgram(name, path string, as *child.Credential) error {
	if err := checkInterpreter(name); err != nil {
		return err
	}
	if err := o.checkRight(as, path, isScript(path)); err != nil || o.folder == "" {
		return err
	}
	folder, err := filepath.Abs(o.folder)
	if err != nil {
		return err
	}
	return o.checkRight(as, folder, false)
}

// checkRight returns an error if the user may not run the file, or enter the folder, at the path.
func (o *processOptions) checkRight(as *child.Credential, path string, readable bool) error {
	err := account.CheckRun(as, path, readable)
	if bad := (*account.AccessError)(nil); errors.As(err, &bad) {
		return cli.Usage(fmt.Errorf("--user %.64s may not %s %.200q", o.user, bad.Action, bad.Path),
			"change the mode or the owner: a script must be readable and executable, and each folder on the way executable")
	}
	return err
}

// isScript reports whether the system starts an interpreter for the file.
func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // a program may be executable and not readable
	}
	defer f.Close()
	mark := make([]byte, 2)
	_, err = io.ReadFull(f, mark)
	return err == nil && string(mark) == "#!"
}

// fit returns an error if a flag has no effect on a target of the kind.
func (o *processOptions) fit(kind string) error {
	if kind == "spawn" || kind == "cgi" {
		return nil
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"--user", o.user != ""}, {"--group", o.group != ""}, {"--chdir", o.folder != ""}, {"--cpu", o.cpu != 0},
		{"--memory", o.memory != 0}, {"--files", o.files != 0}, {"--processes", o.processes != 0},
	} {
		if flag.set {
			return cli.Usage(fmt.Errorf("%s has no effect on a target of the kind %.32q", flag.name, kind), "use it with cgi: and spawn: targets")
		}
	}
	return nil
}
