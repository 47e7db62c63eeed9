package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// mostWithoutVerb is how many functions may share an unexported name that begins with no verb of
// the table in CONTRIBUTING.md.
const mostWithoutVerb = 3

// standardNames are names that the language or an interface of the standard library gives, in lower
// case: such a function is read by the meaning it has there.
var standardNames = strings.Fields("main init len less swap push pop next reset read write close string error unwrap")

// TestVerbs checks that one verb has one meaning in the whole module, so that a reader who knows
// the tables of CONTRIBUTING.md can guess what a function does. A name that many functions share
// begins with a verb of the first table, and no function begins with a word of the second.
func TestVerbs(t *testing.T) {
	verbs := readTable(t, "| verb | means |")
	replaced := readTable(t, "| not | but |")
	names := functionNames(t)
	if len(verbs) < 20 || len(replaced) < 10 || len(names) < 1000 {
		t.Fatalf("got %d verbs, %d replaced words and %d names; want all of them", len(verbs), len(replaced), len(names))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		checkName(t, name, names[name], verbs, replaced)
	}
}

// checkName fails the test where the name of the functions at places breaks a rule of
// CONTRIBUTING.md.
func checkName(t *testing.T, name string, places []string, verbs, replaced map[string]string) {
	t.Helper()
	word := firstWord(name)
	if instead, ok := replaced[word]; ok {
		t.Errorf("%s begins with %q; want %s (%s)", name, word, instead, strings.Join(places, ", "))
	}
	if _, ok := verbs[word]; !ok && len(places) > mostWithoutVerb && !slices.Contains(standardNames, name) {
		t.Errorf("%d functions are named %s, and %q is no verb of CONTRIBUTING.md; want at most %d (%s)",
			len(places), name, word, mostWithoutVerb, strings.Join(places, ", "))
	}
}

// firstWord returns the part of an unexported name before its first upper-case letter.
func firstWord(name string) string {
	if i := strings.IndexFunc(name, unicode.IsUpper); i > 0 {
		return name[:i]
	}
	return name
}

// readTable reads the table of CONTRIBUTING.md with that first line. Its map has an entry for each
// word of the first column, with the text of the second.
func readTable(t *testing.T, head string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../.github/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(text), "\n"+head+"\n|---|---|\n")
	table := map[string]string{}
	for row := range strings.Lines(rows) {
		columns := strings.Split(row, "|")
		if len(columns) != 4 {
			break
		}
		for word := range strings.SplitSeq(columns[1], ",") {
			if word = strings.TrimSpace(word); table[word] != "" {
				t.Errorf("%s: %q stands there twice", head, word)
			}
			table[word] = strings.TrimSpace(columns[2])
		}
	}
	return table
}

// functionNames returns the unexported names of the functions and methods of the module, each with
// the places that declare it: a package with the receiver. Files for different operating systems
// are one place, and so are all types that implement an interface of their own package.
func functionNames(t *testing.T) map[string][]string {
	t.Helper()
	interfaces, functions := parseModule(t)
	names := map[string][]string{}
	for _, f := range functions {
		place := f.place()
		if f.receiver != "" && interfaces[f.dir+" "+f.name] {
			place = f.dir + ".(interface)"
		}
		if !slices.Contains(names[f.name], place) {
			names[f.name] = append(names[f.name], place)
		}
	}
	return names
}

// A function is a function or a method with an unexported name.
type function struct{ dir, receiver, name string }

func (f function) place() string {
	if f.receiver == "" {
		return f.dir
	}
	return f.dir + "." + f.receiver
}

// parseModule returns the unexported functions of all Go files of the module but tests, and the
// methods of interfaces, as "dir name".
func parseModule(t *testing.T) (interfaces map[string]bool, functions []function) {
	t.Helper()
	interfaces = map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if !n.Name.IsExported() {
					functions = append(functions, function{dir, receiverName(n), n.Name.Name})
				}
			case *ast.InterfaceType:
				addMethods(interfaces, dir, n)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return interfaces, functions
}

func addMethods(interfaces map[string]bool, dir string, n *ast.InterfaceType) {
	for _, method := range n.Methods.List {
		for _, name := range method.Names {
			interfaces[dir+" "+name.Name] = true
		}
	}
}

// receiverName returns the type that a method belongs to, and "" for a function.
func receiverName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	typ := f.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name
		default:
			return "?"
		}
	}
}
