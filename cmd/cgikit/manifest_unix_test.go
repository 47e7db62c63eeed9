//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// sidecar is what a manifest says of the container that runs cgikit serve.
type sidecar struct {
	command    []string
	env        map[string]string
	ready      string   // path of its check
	ping       []string // the command of its check, if it is one
	tmp, files string   // folders that are mounted: to write to, and read-only
	readOnly   bool     // its root
}

// readDocuments decodes all documents of a YAML text.
func readDocuments(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var document map[string]any
		err := d.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v\n%.3000s", err, text)
		}
		all = append(all, document)
	}
}

// readCompose reads the file for Compose. A key that Compose does not know is an error.
func readCompose(t *testing.T, text string) sidecar {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Build           any
			Restart         string
			StopSignal      string   `yaml:"stop_signal"`
			StopGracePeriod string   `yaml:"stop_grace_period"`
			DependsOn       []string `yaml:"depends_on"`
			Entrypoint      []string
			Environment     map[string]string
			Ports           []string
			Volumes         []string
			Tmpfs           []string
			ReadOnly        bool     `yaml:"read_only"`
			CapDrop         []string `yaml:"cap_drop"`
			SecurityOpt     []string `yaml:"security_opt"`
			Healthcheck     struct {
				Test              []string
				Interval, Timeout string
				Retries           int
			}
		}
		Volumes map[string]struct{}
	}
	d := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatalf("%v\n%.3000s", err, text)
	}
	web := file.Services["web"]
	if len(web.Tmpfs) != 1 || len(web.Volumes) != 1 || len(web.Healthcheck.Test) < 2 || web.Healthcheck.Test[0] != "CMD" {
		t.Fatalf("got %+v", web)
	}
	tmp, _, _ := strings.Cut(web.Tmpfs[0], ":")
	_, files, _ := strings.Cut(strings.TrimSuffix(web.Volumes[0], ":ro"), ":")
	return sidecar{command: web.Entrypoint, env: web.Environment, ready: "/healthz", ping: web.Healthcheck.Test[1:], tmp: tmp, files: files, readOnly: web.ReadOnly}
}

// readDeployment reads the manifest for Kubernetes.
func readDeployment(t *testing.T, text string) sidecar {
	t.Helper()
	documents := readDocuments(t, text)
	if len(documents) != 2 || documents[0]["kind"] != "Deployment" || documents[1]["kind"] != "Service" {
		t.Fatalf("got %v; want a Deployment and a Service", documents)
	}
	var d struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []podContainer }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	containers := d.Spec.Template.Spec.Containers
	i := slices.IndexFunc(containers, func(c podContainer) bool { return c.Name == "web" })
	if i < 0 || len(containers[i].Mounts) != 2 || containers[i].Live.Get.Path != "/healthz" {
		t.Fatalf("got %+v", containers)
	}
	web := containers[i]
	s := sidecar{
		command: web.Command, env: make(map[string]string), ready: web.Ready.Get.Path,
		files: web.Mounts[0].Path, tmp: web.Mounts[1].Path, readOnly: web.Security.ReadOnly && web.Mounts[0].ReadOnly && web.Security.User == 65532,
	}
	for _, e := range web.Env {
		s.env[e.Name] = e.Value
	}
	return s
}

// podContainer is a container of a pod.
type podContainer struct {
	Name    string
	Command []string
	Env     []struct{ Name, Value string }
	Live    podProbe `yaml:"livenessProbe"`
	Ready   podProbe `yaml:"readinessProbe"`
	Mounts  []struct {
		Path     string `yaml:"mountPath"`
		ReadOnly bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
	Security struct {
		User     int  `yaml:"runAsUser"`
		ReadOnly bool `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`
}

type podProbe struct {
	Get struct{ Path, Port string } `yaml:"httpGet"`
}

// TestManifestsServe runs cgikit serve with the very environment of the manifests, but for the
// addresses and folders of this machine, in front of php-fpm.
func TestManifestsServe(t *testing.T) {
	t.Parallel()
	dir := webserver.Dir(t)
	if err := os.WriteFile(filepath.Join(dir, "index.php"), []byte("<?php echo 'ok';"), 0o644); err != nil {
		t.Fatal(err)
	}
	target, ping := "fastcgi+unix:"+startPHP(t, dir), buildPing(t)
	for name, read := range map[string]func(*testing.T, string) sidecar{"docker.compose": readCompose, "kubernetes.deployment": readDeployment} {
		for _, flag := range []string{"--explain", "--explain=false"} {
			s := read(t, configText(t, name, flag))
			if want := []string{"/usr/local/bin/cgikit", "serve"}; !slices.Equal(s.command, want) || !s.readOnly || s.env["CGIKIT_SPOOL_DIR"] != s.tmp || s.env["CGIKIT_ROOT"] != s.files {
				t.Errorf("%s: got %+v; want %q, and the folders of the flags", name, s, want)
			}
			wantFlags(t, s.env)
			s.move(t, target, dir)
			m := startSidecar(t, s)
			if status, body := getPage(t, m.site+"/index.php"); status != 200 || body != "ok" {
				t.Errorf("%s: got %d, %.200q", name, status, body)
			}
			if status, body := getPage(t, m.metrics+s.ready); status != 200 {
				t.Errorf("%s: %s answers %d, %.200q", name, s.ready, status, body)
			}
			if len(s.ping) > 0 {
				s.ping[len(s.ping)-1] = m.metrics
				if got := pingStatus(t, ping, s.ping); got != 0 {
					t.Errorf("%s: %q: got exit status %d; want 0", name, s.ping, got)
				}
			}
		}
	}
}

// move replaces the addresses and the folders of a manifest by those of the test.
func (s sidecar) move(t *testing.T, target, root string) {
	t.Helper()
	for variable, here := range map[string]string{
		"CGIKIT_LISTEN": "http://127.0.0.1:0", "CGIKIT_METRICS": "127.0.0.1:0", "CGIKIT_TARGET": target,
		"CGIKIT_ROOT": root, "CGIKIT_SPOOL_DIR": t.TempDir(),
	} {
		if s.env[variable] == "" {
			t.Errorf("no %s", variable)
		}
		s.env[variable] = here
	}
}

// wantFlags wants each variable to be one of serve, with a value that it takes.
func wantFlags(t *testing.T, env map[string]string) {
	t.Helper()
	flags, known := newServeFlags(t), []string{"CGIKIT_TARGET"}
	flags.VisitAll(func(f *pflag.Flag) { known = append(known, variableOf(f.Name)) })
	for variable := range env {
		if !slices.Contains(known, variable) {
			t.Errorf("%s belongs to no flag", variable)
		}
	}
	if err := make(fromEnvironment).setFlags(flags, func(name string) string { return env[name] }); err != nil {
		t.Error(err)
	}
}

// startSidecar runs the command of a manifest with its environment only.
func startSidecar(t *testing.T, s sidecar) *monitored {
	t.Helper()
	program, err := exec.LookPath(filepath.Base(s.command[0]))
	if err != nil {
		t.Fatal(err)
	}
	m := &monitored{Cmd: exec.Command(program, s.command[1:]...)}
	m.Env = []string{"GORACE=" + os.Getenv("GORACE")}
	for name, value := range s.env {
		m.Env = append(m.Env, name+"="+value)
	}
	m.start(t)
	return m
}
