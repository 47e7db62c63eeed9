package request

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// prepare makes the script of --php, if that is given. The caller calls cleanUp when the exchange
// is over.
func (r *Request) prepare() (cleanUp func(), err error) {
	if r.PHP == "" {
		return func() {}, nil
	}
	if r.ScriptFilename != "" || r.ScriptName != nil {
		return nil, cli.Usage(errors.New("--php and the flags that name a script cannot be used together"), "--php runs a script of its own")
	}
	code, err := phpCode(r.PHP)
	if err != nil {
		return nil, err
	}
	if r.DryRun || r.Explain || r.Print != "" {
		r.setScript(filepath.Join(os.TempDir(), "cgikit-NAME.php"))
		return func() {}, nil
	}
	file, err := createScript(r.TempDir, code)
	if err != nil {
		return nil, err
	}
	r.setScript(file)
	return func() { os.Remove(file) }, nil
}

// setScript makes the request one for a file.
func (r *Request) setScript(file string) {
	name := "/" + filepath.Base(file)
	r.ScriptFilename, r.ScriptName = file, &name
	if r.Path == "" {
		r.Path = name
	}
}

// phpCode returns the script: code without an opening tag gets one.
func phpCode(text string) (string, error) {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", cli.Usage(fmt.Errorf("--php @%.200s: %w", file, cli.WithoutPath(err)), "@ is followed by a file with PHP code")
		}
		text = string(content)
	}
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "<?") || strings.HasPrefix(text, "#!") {
		return text, nil
	}
	return "<?php\n" + text + "\n", nil
}

// createScript writes a script under a name that cannot be guessed: who can name it can run it
// while it is there. PHP runs as another user, so everyone may read it.
func createScript(dir, code string) (string, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cgikit-"+rand.Text()+".php")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", cli.Failure(fmt.Errorf("create a script in %.200s: %w", dir, cli.WithoutPath(err)), "--temp-dir names a folder that this user can write to and PHP can read")
	}
	_, err = f.WriteString(code)
	err = errors.Join(err, f.Chmod(0o644), f.Close()) // whatever the umask is
	if err != nil {
		os.Remove(path)
		return "", err
	}
	return path, nil
}
