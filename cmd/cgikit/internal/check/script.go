package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// fetchCGI runs the script with a request. The input of a request that stays open has no end after
// the body, as some web servers leave it (RFC 3875 section 4.2).
func (p *probe) fetchCGI(q request) ([]byte, error) {
	path, err := filepath.Abs(p.run.Target.Path)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(p.ctx, path)
	cmd.Dir = filepath.Dir(path)
	cmd.WaitDelay = time.Second
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SCRIPT_FILENAME=" + path}
	for _, v := range q.vars {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	var out bounded
	cmd.Stdout = &out
	p.sent.keep(q.body)
	err = runScript(cmd, q)
	p.got.keep(out.b)
	if p.ctx.Err() == context.DeadlineExceeded {
		return nil, broken("the script did not end in %v", p.run.timeout())
	}
	if number := syscall.Errno(0); errors.As(err, &number) && cmd.Process == nil {
		return nil, fmt.Errorf("the script cannot be started: %w", number)
	}
	if err != nil && len(out.b) == 0 {
		return nil, broken("the script wrote nothing: %v", err)
	}
	return out.b, nil
}

func runScript(cmd *exec.Cmd, q request) error {
	if !q.open {
		cmd.Stdin = bytes.NewReader(q.body)
		return cmd.Run()
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go io.Copy(stdin, bytes.NewReader(q.body)) // Wait closes the pipe, which ends the copying
	return cmd.Wait()
}

// bounded keeps the first bytes that are written to it.
type bounded struct{ b []byte }

// Write implements io.Writer.
func (w *bounded) Write(b []byte) (int, error) {
	w.b = append(w.b, b[:min(len(b), maxAnswer-len(w.b))]...)
	return len(b), nil
}
