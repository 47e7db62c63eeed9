package gateway

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImports: a CGI program is started anew for every request, and the packages it needs must not make it slower to start.
// net alone makes a program as Go builds it by default a dynamic one, which takes 1 ms longer to start.
func TestImports(t *testing.T) {
	for _, c := range []struct {
		pkg    string
		banned []string
	}{
		{"headers", []string{"net", "net/http"}},
		{"util", []string{"net", "net/http"}},
		{"gateway", []string{"net", "net/http"}},
		{"cgi", []string{"net", "net/http", "log", "log/slog", "crypto/tls"}},
		{"scgi", []string{"net/http", "crypto/tls"}},
	} {
		out, err := exec.Command("go", "list", "-deps", "github.com/cgikit/cgikit/"+c.pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list %s: %v\n%s", c.pkg, err, out)
		}
		deps := "\n" + string(out)
		for _, banned := range c.banned {
			if strings.Contains(deps, "\n"+banned+"\n") {
				t.Errorf("%s imports %s", c.pkg, banned)
			}
		}
		if !strings.Contains(deps, "/util\n") && c.pkg != "headers" {
			t.Errorf("the list of %s's imports is not what it should be:\n%s", c.pkg, out)
		}
	}
}
