package gateway

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cgikit/cgikit/"

// TestImports: a CGI program is started again for every request, so its packages must not make the
// start slower. By default Go links a program with net dynamically, which adds 1 ms to the start.
func TestImports(t *testing.T) {
	for _, c := range []struct {
		pkg    string
		banned []string
	}{
		{"headers", []string{"net", "net/http"}},
		{"util", []string{"net", "net/http"}},
		{"gateway", []string{"net", "net/http"}},
		{"gateway/listen", []string{"net/http", "net/http/cgi", "net/http/fcgi", "crypto/tls"}},
		{"gateway/exchange", []string{"net", "net/http", "log", "log/slog", "crypto/tls"}},
		{"gateway/transport", []string{"net/http", "net/http/cgi", "net/http/fcgi", "crypto/tls"}},
		{"cgi", []string{"net", "net/http", "log", "log/slog", "crypto/tls"}},
		{"scgi", []string{"net/http", "crypto/tls"}},
		{"fastcgi", []string{"net/http", "net/http/cgi", "net/http/fcgi", "crypto/tls"}},
		{"fastcgi/wire", []string{"net", "net/http", "crypto/tls"}},
	} {
		out, err := exec.Command("go", "list", "-deps", module+c.pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list %s: %v\n%s", c.pkg, err, out)
		}
		deps := "\n" + string(out)
		for _, banned := range c.banned {
			if strings.Contains(deps, "\n"+banned+"\n") {
				t.Errorf("%s imports %s", c.pkg, banned)
			}
		}
		if !strings.Contains(deps, "\n"+module+c.pkg+"\n") {
			t.Errorf("the list of %s's imports is not what it should be:\n%s", c.pkg, out)
		}
	}
}

// mayImport lists the packages that each library may import in addition to the standard library and
// golang.org/x/sys. Imports only go down: a protocol does not import packages that launch or check
// it, and gateway imports no protocol.
var mayImport = map[string][]string{
	"headers":                     nil,
	"util":                        nil,
	"gateway":                     {"headers", "util"},
	"gateway/child":               nil,
	"gateway/demo":                {"gateway", "headers", "util"},
	"gateway/internal/accept":     nil,
	"gateway/internal/captures":   {"util"},
	"gateway/internal/nettest":    nil,
	"gateway/internal/responder":  nil,
	"gateway/listen":              {"gateway/internal/accept"},
	"gateway/spawn":               {"gateway/child"},
	"gateway/transport":           {"gateway", "gateway/internal/accept", "gateway/listen"},
	"gateway/exchange":            {"gateway", "headers", "util"},
	"cgi":                         {"gateway", "gateway/exchange", "gateway/child", "util"},
	"scgi":                        {"gateway", "gateway/exchange", "gateway/listen", "gateway/transport", "headers", "util"},
	"fastcgi":                     {"fastcgi/internal/client", "fastcgi/wire", "gateway", "gateway/exchange", "gateway/listen", "gateway/transport", "headers", "util"},
	"fastcgi/gofastconn":          {"fastcgi", "fastcgi/wire", "gateway", "headers", "util", "github.com/yookoala/gofast"},
	"fastcgi/internal/client":     {"fastcgi/wire", "gateway", "gateway/exchange", "gateway/transport", "util"},
	"fastcgi/nethttp":             {"fastcgi/wire", "gateway", "gateway/exchange", "gateway/listen", "gateway/transport", "headers", "util"},
	"fastcgi/wire":                {"util"},
	"gateway/httpapp":             {"gateway", "gateway/exchange", "gateway/internal/accept", "gateway/listen", "gateway/transport", "headers", "util"},
	"gateway/host":                {"gateway", "gateway/exchange", "gateway/httpapp", "gateway/internal/accept", "headers", "util"},
	"gateway/validate":            {"gateway", "gateway/httpapp", "headers", "util"},
	"gateway/launch":              {"cgi", "fastcgi", "fastcgi/nethttp", "gateway", "gateway/exchange", "gateway/httpapp", "gateway/listen", "gateway/transport", "scgi", "util"},
	"gateway/gatewaytest":         {"gateway", "gateway/httpapp", "util"},
	"gateway/gatewaytest/leaks":   nil,
	"gateway/gatewaytest/vectors": nil,
	// The configurations of the web servers are files that tests and documents share.
	"gateway/gatewaytest/webserver": {"testdata/conf"},
}

// TestImportsGoDown checks the files of each system, since a file with an OS suffix may have other
// imports.
func TestImportsGoDown(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "freebsd", "windows"} {
		t.Run(system, func(t *testing.T) {
			seen := 0
			for _, fields := range importsOn(t, system) {
				pkg := strings.TrimPrefix(fields[0], module)
				if strings.HasPrefix(pkg, "cmd/") {
					continue
				}
				seen++
				checkImports(t, pkg, fields[1:])
			}
			if seen != len(mayImport) {
				t.Errorf("saw %d libraries; want %d", seen, len(mayImport))
			}
		})
	}
}

// importsOn returns, for each package of the module, a list of its path and its imports on the
// given system.
func importsOn(t *testing.T, system string) (packages [][]string) {
	t.Helper()
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		packages = append(packages, strings.Fields(line))
	}
	return packages
}

func checkImports(t *testing.T, pkg string, imports []string) {
	t.Helper()
	allowed, ok := mayImport[pkg]
	if !ok {
		t.Errorf("%s is a library that the table does not have", pkg)
	}
	for _, imported := range imports {
		host, _, _ := strings.Cut(imported, "/")
		standard := !strings.Contains(host, ".")
		system := strings.HasPrefix(imported, "golang.org/x/sys/")
		if !standard && !system && !slices.Contains(allowed, strings.TrimPrefix(imported, module)) {
			t.Errorf("%s imports %s", pkg, imported)
		}
	}
}
