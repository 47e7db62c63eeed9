package dist

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// packaging is what nfpm.yaml and a member of nfpms of .goreleaser.yaml have in common.
type packaging struct {
	Release, Section, Priority, Maintainer, Vendor, Homepage, License, Description string

	Umask    int
	Deb, RPM map[string]any
	Scripts  map[string]string
	Contents []content
}

type content struct {
	Src, Dst, Type, Packager string

	FileInfo map[string]any `yaml:"file_info"`
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// TestPackagesAgree: the package that CI installs is the one that a release has. Only the programs
// are not in the list of .goreleaser.yaml, which builds them itself.
func TestPackagesAgree(t *testing.T) {
	var release struct{ NFPMs []packaging }
	readYAML(t, ".goreleaser.yaml", &release)
	var ci packaging
	readYAML(t, ".ci/packaging/nfpm.yaml", &ci)
	if len(release.NFPMs) != 1 {
		t.Fatalf("got %d packages; want 1", len(release.NFPMs))
	}
	all := len(ci.Contents)
	ci.Contents = slices.DeleteFunc(ci.Contents, func(c content) bool { return strings.HasPrefix(c.Dst, "/usr/bin/") })
	if all-len(ci.Contents) != 2 || len(ci.Contents) < 10 {
		t.Errorf("got %d files and %d programs; want 2 programs", len(ci.Contents), all-len(ci.Contents))
	}
	if !reflect.DeepEqual(release.NFPMs[0], ci) {
		t.Errorf("got in .goreleaser.yaml %+v; want %+v as in nfpm.yaml", release.NFPMs[0], ci)
	}
}

// TestReleasedPrograms: both commands are static, without the paths of the machine that builds
// them, and for all systems that the module builds for.
func TestReleasedPrograms(t *testing.T) {
	var release struct {
		Builds []struct {
			Main             string
			Env, Flags, GOOS []string
		}
	}
	readYAML(t, ".goreleaser.yaml", &release)
	var mains []string
	for _, b := range release.Builds {
		mains = append(mains, b.Main)
		if !slices.Equal(b.GOOS, []string{"linux", "darwin", "freebsd", "windows"}) || !slices.Contains(b.Env, "CGO_ENABLED=0") || !slices.Contains(b.Flags, "-trimpath") {
			t.Errorf("%s: got %+v", b.Main, b)
		}
	}
	if want := []string{"./cmd/cgikit", "./cmd/cgikit-ping"}; !slices.Equal(mains, want) {
		t.Errorf("got %q; want %q", mains, want)
	}
}

// TestNotes: the notes of a release are its section of the changes, and a version without one is
// not released.
func TestNotes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the release runs on Linux")
	}
	notes := string(run(t, top, nil, "bash", ".ci/notes", version))
	if !strings.Contains(notes, "The first release") || strings.Contains("\n"+notes, "\n## ") {
		t.Errorf("got %.300q; want the section of %s", notes, version)
	}
	for _, unknown := range []string{"v0.1", "v0.1.0-rc1", "Compatibility of"} {
		c := exec.Command("bash", ".ci/notes", unknown)
		c.Dir = top
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "has no section \"## "+unknown+"\"\nhint: ") {
			t.Errorf("%s: got %v, %q", unknown, err, out)
		}
	}
}
