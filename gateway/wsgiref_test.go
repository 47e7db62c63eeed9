package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wsgirefPackages are where the counterparts of wsgiref's names are.
var wsgirefPackages = map[string]string{
	"util": "../util", "headers": "../headers", "cgi": "../cgi", "gateway": ".",
	"httpapp": "httpapp", "demo": "demo", "validate": "validate",
}

// wsgirefNames is everything that wsgiref's documentation names (wsgiref.md 1.0), a module a line.
const wsgirefNames = `
util: guess_scheme request_uri application_uri shift_path_info setup_testing_defaults is_hop_by_hop FileWrapper FileWrapper.close
headers: Headers
headers.Headers: __getitem__ __setitem__ __delitem__ __contains__ __len__ __str__ __bytes__ get get_all setdefault keys values items add_header
simple_server: make_server demo_app WSGIServer WSGIServer.set_app WSGIServer.get_app WSGIServer.handle_request WSGIServer.base_environ WSGIRequestHandler
simple_server.WSGIRequestHandler: get_environ get_stderr handle
validate: validator
handlers: CGIHandler IISCGIHandler BaseCGIHandler SimpleHandler BaseHandler read_environ
handlers.BaseHandler: run _write _flush get_stdin get_stderr add_cgi_vars
handlers.BaseHandler: wsgi_multithread wsgi_multiprocess wsgi_run_once os_environ server_software get_scheme setup_environ
handlers.BaseHandler: log_exception traceback_limit error_output error_status error_headers error_body
handlers.BaseHandler: wsgi_file_wrapper sendfile origin_server http_version
types: WSGIApplication WSGIEnvironment StartResponse InputStream ErrorStream FileWrapper
`

// wsgirefTable reads the list: wsgiref's names, and their counterparts here.
func wsgirefTable(t *testing.T) map[string][]string {
	t.Helper()
	list, err := os.ReadFile("../testdata/wsgiref.txt")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`^(\S+) +(\S.*)$`)
	table := map[string][]string{}
	for line := range strings.Lines(string(list)) {
		match := row.FindStringSubmatch(strings.TrimSpace(line))
		if match == nil || match[1] == "#" {
			continue
		}
		if table[match[1]] != nil {
			t.Errorf("%s is there twice", match[1])
		}
		table[match[1]] = strings.Split(match[2], ", ")
	}
	return table
}

// TestWsgirefTable: every counterpart in the table exists.
func TestWsgirefTable(t *testing.T) {
	declared := map[string]bool{}
	for name, dir := range wsgirefPackages {
		declare(t, declared, name, dir)
	}
	for _, name := range []string{"util.Guess", "gateway.App.Start", "gateway.pageApp", "headers.Headers.newField"} {
		if declared[name] {
			t.Errorf("%s counts as exported", name)
		}
	}
	for name, counterparts := range wsgirefTable(t) {
		for _, counterpart := range counterparts {
			if !declared[counterpart] {
				t.Errorf("wsgiref's %s is said to be %s, which there is not", name, counterpart)
			}
		}
	}
}

// TestWsgirefTableIsComplete: every name of wsgiref is in the table.
func TestWsgirefTableIsComplete(t *testing.T) {
	table := wsgirefTable(t)
	for line := range strings.Lines(strings.TrimSpace(wsgirefNames)) {
		module, names, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for _, name := range strings.Fields(names) {
			if table[module+"."+name] == nil {
				t.Errorf("wsgiref's %s.%s is not in the table", module, name)
			}
		}
	}
}

// declare notes what the package in dir exports, and the fields and methods of its types:
// "gateway.Request.Stdin".
func declare(t *testing.T, declared map[string]bool, name, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", dir, err)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range exports(f) {
			declared[f.Name.Name+"."+name] = true
		}
		if f.Name.Name != name {
			t.Errorf("%s is package %s; want %s", file, f.Name.Name, name)
		}
	}
}

func exports(f *ast.File) (names []string) {
	if !ast.FileExports(f) { // which leaves what is exported
		return nil
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names = append(names, receiver(d)+d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names = append(names, specNames(spec)...)
			}
		}
	}
	return names
}

// receiver returns a method's type and a dot.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	return typ.(*ast.Ident).Name + "."
}

func specNames(spec ast.Spec) (names []string) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			names = append(names, id.Name)
		}
	case *ast.TypeSpec:
		names = append(names, s.Name.Name)
		var members *ast.FieldList
		switch typ := s.Type.(type) {
		case *ast.StructType:
			members = typ.Fields
		case *ast.InterfaceType:
			members = typ.Methods
		default:
			return names
		}
		for _, m := range members.List {
			for _, id := range m.Names {
				names = append(names, s.Name.Name+"."+id.Name)
			}
		}
	}
	return names
}
