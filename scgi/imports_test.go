package scgi_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What serves SCGI must not pay for an HTTP server.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "net") {
		t.Fatalf("go list names no net: %q", deps)
	}
	for _, name := range deps {
		if name == "net/http" || strings.HasPrefix(name, "net/http/") || strings.HasPrefix(name, "crypto/tls") {
			t.Errorf("package scgi imports %s", name)
		}
	}
}
