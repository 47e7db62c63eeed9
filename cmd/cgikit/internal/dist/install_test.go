package dist

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	module  = "github.com/cgikit/cgikit"
	top     = "../../../.." // the folder of go.mod
	version = "v0.1.0"
)

// TestGoMod: go install refuses a module with a replace or an exclude directive.
func TestGoMod(t *testing.T) {
	var m struct{ Replace, Exclude []any }
	if err := json.Unmarshal(run(t, top, nil, "go", "mod", "edit", "-json"), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Replace)+len(m.Exclude) > 0 {
		t.Errorf("go.mod: got %d replace and %d exclude directives; want none", len(m.Replace), len(m.Exclude))
	}
}

// TestGoInstall installs the newest version of the command as a user does, from a proxy in a folder
// that has this source as the only release. The other modules come from the module cache, so that
// no network is needed.
func TestGoInstall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeProxy(t, filepath.Join(dir, "proxy"))
	cache := strings.TrimSpace(string(run(t, top, nil, "go", "env", "GOMODCACHE")))
	// The own module cache keeps the made-up release out of that of the machine.
	env := []string{
		"GOPROXY=" + fileURL(filepath.Join(dir, "proxy")) + "," + fileURL(filepath.Join(cache, "cache", "download")),
		"GOMODCACHE=" + filepath.Join(dir, "mod"), "GOBIN=" + filepath.Join(dir, "bin"),
		"GOFLAGS=-modcacherw", "GOSUMDB=off", "GONOPROXY=none", "GOPRIVATE=", "CGO_ENABLED=0",
	}
	run(t, dir, env, "go", "install", "-trimpath", module+"/cmd/cgikit@latest")
	got := string(run(t, dir, nil, filepath.Join(dir, "bin", "cgikit"), "version"))
	if want := "cgikit " + version + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func fileURL(path string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// run runs a command in dir, with env beside the environment, and returns its output.
func run(t *testing.T, dir string, env []string, name string, args ...string) []byte {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%.3000s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// writeProxy writes the files that a module proxy has for one version: go.dev/ref/mod#module-proxy.
func writeProxy(t *testing.T, dir string) {
	t.Helper()
	dir = filepath.Join(dir, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Now().UTC()})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": info, version + ".mod": gomod, version + ".zip": zipModule(t),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// zipModule returns the source as a module's archive. The go command checks the names of all files
// when it opens the archive. Folders that begin with a dot are left out: a checkout may have any.
func zipModule(t *testing.T) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	err := fs.WalkDir(os.DirFS(top), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(path, ".") && path != ".":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		f, err := w.Create(module + "@" + version + "/" + path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(path)))
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
