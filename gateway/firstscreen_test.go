package gateway

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFirstScreen: "go doc" of a library package shows the first of its constants, functions and
// types within one screen, so its package documentation has at most 24 lines. Details belong to the
// documentation of the type or function that they are about.
func TestFirstScreen(t *testing.T) {
	const most = 24
	for _, p := range libraryPackages(t) {
		if p.Doc == "" {
			t.Errorf("%s: no package documentation", p.ImportPath)
		}
		if n := bytes.Count(p.Text(p.Doc), []byte("\n")); n > most {
			t.Errorf("%s: the package documentation has %d lines in go doc; want at most %d", p.ImportPath, n, most)
		}
	}
}

// TestDocLinks: each [Name] in a doc comment leads to a declaration. go doc and pkgsite show one
// that does not with its brackets, and so does Text.
func TestDocLinks(t *testing.T) {
	broken := regexp.MustCompile(`\[\*?([a-z]+\.)?[A-Z]\w*(\.[A-Z]\w*)?\]`)
	for _, p := range libraryPackages(t) {
		for _, text := range docComments(p) {
			for _, link := range broken.FindAll(p.Text(text), -1) {
				t.Errorf("%s: %s leads nowhere", p.ImportPath, link)
			}
		}
	}
}

// libraryPackages returns the packages of this module that other modules may import.
func libraryPackages(t *testing.T) []*doc.Package {
	t.Helper()
	var packages []*doc.Package
	err := filepath.WalkDir("..", func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case strings.HasPrefix(d.Name(), ".") && d.Name() != "..", d.Name() == "internal", d.Name() == "testdata":
			return filepath.SkipDir
		}
		if p, err := build.ImportDir(dir, 0); err == nil && p.Name != "main" {
			packages = append(packages, documentation(t, dir, p.GoFiles))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 15 {
		t.Fatalf("got %d packages; want all of the module", len(packages))
	}
	return packages
}

// documentation reads the doc comments of the package in dir.
func documentation(t *testing.T, dir string, names []string) *doc.Package {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, filepath.ToSlash(dir))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// docComments returns all doc comments of p.
func docComments(p *doc.Package) []string {
	texts := []string{p.Doc}
	values := func(lists ...[]*doc.Value) {
		for _, v := range slices.Concat(lists...) {
			texts = append(texts, v.Doc)
		}
	}
	functions := func(lists ...[]*doc.Func) {
		for _, f := range slices.Concat(lists...) {
			texts = append(texts, f.Doc)
		}
	}
	values(p.Consts, p.Vars)
	functions(p.Funcs)
	for _, typ := range p.Types {
		texts = append(texts, typ.Doc)
		values(typ.Consts, typ.Vars)
		functions(typ.Funcs, typ.Methods)
	}
	return texts
}
