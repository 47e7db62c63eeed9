package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// commentWidth is how many columns a line with a comment alone may have, a tab being four.
const commentWidth = 100

// TestCommentWidth: a comment can be read without a wide window.
func TestCommentWidth(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		checkCommentWidth(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkCommentWidth(t *testing.T, path string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	for _, group := range f.Comments {
		if isOutput(group) {
			continue
		}
		for _, comment := range group.List {
			n := set.Position(comment.Pos()).Line
			line := lines[n-1]
			if strings.HasPrefix(strings.TrimLeft(line, "\t"), "//") && !isDrawn(comment.Text) && columns(line) > commentWidth {
				t.Errorf("%s:%d: %d columns", path, n, columns(line))
			}
		}
	}
}

// isOutput reports whether a comment is what an Example prints.
func isOutput(group *ast.CommentGroup) bool { return strings.Contains(group.Text(), "utput:\n") }

// isDrawn reports whether a line of a comment is code or a table, or one word that cannot be
// wrapped.
func isDrawn(text string) bool {
	text = strings.TrimPrefix(text, "//")
	return strings.HasPrefix(text, "\t") || strings.HasPrefix(text, " \t") || strings.HasPrefix(text, "go:") || len(strings.Fields(text)) == 1
}

func columns(line string) int {
	return utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
}
