package gateway

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// requirement is a line of testdata/requirements.txt.
type requirement struct {
	must   bool
	tested bool // a test or a case of the suite names it
}

// TestRequirements: each id is in the list once, each id in the sources is in the list, and a test
// names each MUST.
func TestRequirements(t *testing.T) {
	list := readRequirements(t, "../testdata/requirements.txt")
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		return noteCitations(t, list, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range list {
		if r.must && !r.tested {
			t.Errorf("%s is a MUST, and no test names it", id)
		}
	}
}

func readRequirements(t *testing.T, path string) map[string]*requirement {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	form := regexp.MustCompile(`^([CAFS][1-9][0-9]?) (MUST|SHOULD) [A-Z].*\.$`)
	list := make(map[string]*requirement)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			match := form.FindStringSubmatch(line)
			if match == nil {
				t.Errorf("malformed line: %s", line)
				continue
			}
			if list[match[1]] != nil {
				t.Errorf("%s stands twice", match[1])
			}
			list[match[1]] = &requirement{must: match[2] == "MUST"}
		}
	}
	if len(list) < 100 {
		t.Errorf("read %d requirements", len(list))
	}
	return list
}

// citation is an id in a comment or in a text of a test. "C1 controls" are characters (ISO 6429),
// and 0xF8 is a number.
var citation = regexp.MustCompile(`(?:^|[\s("/,;:])([CAFS][1-9][0-9]?)(?:$|[\s),;:."/])`)

func noteCitations(t *testing.T, list map[string]*requirement, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	suite := strings.Contains(filepath.ToSlash(path), "gatewaytest/cases_")
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.ReplaceAll(line, "C1 control", "")
		for rest := line; ; {
			at := citation.FindStringSubmatchIndex(rest)
			if at == nil {
				break
			}
			id := rest[at[2]:at[3]]
			rest = rest[at[3]:]
			r := list[id]
			if r == nil {
				t.Errorf("%s:%d: %s is not in the list: %s", path, n+1, id, strings.TrimSpace(line))
				continue
			}
			r.tested = r.tested || suite || strings.HasSuffix(path, "_test.go")
		}
	}
	return nil
}
