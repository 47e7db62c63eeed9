//go:build unix

package cgi_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// The web server's side: each request starts the script.
func ExampleScript() {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return
	}
	script := &cgi.Script{
		Path: shell,
		Args: []string{"-c", `printf 'Content-Type: text/plain\n\n'; echo "$REQUEST_METHOD $QUERY_STRING, $GREETING"`},
		Env:  []string{"GREETING=hello"},
	}
	environ := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "QUERY_STRING": "a=1"})
	resp, err := script.RoundTrip(&gateway.Request{Environ: environ, Stdin: strings.NewReader("")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%s: %s%v\n", resp.Headers.Get("Content-Type"), body, err)
	// Output:
	// text/plain: GET a=1, hello
	// <nil>
}

// An untrusted script: it runs as another user, with bounds on its time, its number and its memory.
func ExampleScript_bounds() {
	script := &cgi.Script{
		Path:           "/usr/lib/cgi-bin/search",
		InheritEnv:     []string{"TZ"},
		RunAs:          &cgi.Credential{UID: 33, GID: 33},
		RequestTimeout: 30 * time.Second,
		MaxScripts:     16,
		MaxOutputBytes: 64 << 20,
		Limits:         cgi.Limits{CPU: 10 * time.Second, Memory: 512 << 20, Files: 64},
	}
	_, err := script.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"})})
	var broken *gateway.BackendError
	fmt.Println(errors.As(err, &broken) && broken.Status == 502, broken.Reason)
	// Output: true the script cannot be started
}

// A folder of scripts, as fcgiwrap serves it. The path selects the script, and its rest is
// PATH_INFO.
func ExampleDir() {
	folder, err := os.MkdirTemp("", "cgi-bin")
	if err != nil {
		return
	}
	defer os.RemoveAll(folder)
	text := "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho \"$SCRIPT_NAME and $PATH_INFO\"\n"
	if err := os.WriteFile(filepath.Join(folder, "hello"), []byte(text), 0o755); err != nil {
		return
	}
	scripts := &cgi.Dir{Path: folder} // gateway.Forward makes it an App, for any server
	defer scripts.Close()             // ends the scripts that still run
	for _, path := range []string{"/hello/world", "/goodbye"} {
		environ := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/cgi-bin", "PATH_INFO": path})
		resp, err := scripts.RoundTrip(&gateway.Request{Environ: environ, Stderr: io.Discard})
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(cmp.Or(resp.Status, "200 OK"), strings.TrimSpace(string(body)), err)
	}
	// Output:
	// 200 OK /cgi-bin/hello and /world <nil>
	// 404 Not Found This script does not exist. <nil>
}
