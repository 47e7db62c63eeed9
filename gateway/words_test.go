package gateway

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// riddles match sentences without a subject that a reader can name: those that begin with a bare
// What or Who, and statements about nobody.
var riddles = regexp.MustCompile(`(?:^|[.;:]\s+|\n\n)((?:What|Who|Whatever|Whoever) [^?.]*[.]|[^.]*\b[Nn]obody [a-z]+s\b[^.]*)`)

// TestCommentsNameTheirSubject: a comment says who or what does something, by name.
func TestCommentsNameTheirSubject(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, group := range f.Comments {
			if isOutput(group) {
				continue
			}
			if m := riddles.FindStringSubmatch(group.Text()); m != nil {
				t.Errorf("%s: %.100q", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRiddles(t *testing.T) {
	for text, want := range map[string]bool{
		"What continues a line belongs to it.\n":      true,
		"Done. Who asks is about to share.\n":         true,
		"A body that nobody reads.\n":                 true,
		"What is this? A question.\n":                 false,
		"value answers GET_VALUES. A peer asks.\n":    false,
		"the account with the name nobody, or www.\n": false,
	} {
		if got := riddles.MatchString(text); got != want {
			t.Errorf("%q: got %v; want %v", text, got, want)
		}
	}
}
