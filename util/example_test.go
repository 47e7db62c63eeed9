package util_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// nginx sends a setting and its later override as two variables of one name. Both are kept in
// order, and Get returns the last one.
func ExampleEnviron() {
	e := util.NewEnviron()
	e.Add("REQUEST_METHOD", "GET")
	e.Add("SCRIPT_NAME", "/app/hello")
	e.Add("SCRIPT_NAME", "/app")
	for name, value := range e.All() {
		fmt.Printf("%s=%s\n", name, value)
	}
	fmt.Println("script:", e.Get("SCRIPT_NAME"))

	e.Set("SCRIPT_NAME", "/")
	_, ok := e.Lookup("QUERY_STRING")
	fmt.Println(e.List(), ok)
	// Output:
	// REQUEST_METHOD=GET
	// SCRIPT_NAME=/app/hello
	// SCRIPT_NAME=/app
	// script: /app
	// [REQUEST_METHOD=GET SCRIPT_NAME=/] false
}

// A URL mapper in a few lines: each part shifts the segments that it knows, and leaves the rest to
// the next part, which is then mounted there.
func ExampleShiftPathInfo() {
	wiki := func(e *util.Environ) string {
		page, _ := util.ShiftPathInfo(e)
		return fmt.Sprintf("page %q of the wiki, at %s", page, util.ApplicationURI(e))
	}
	site := func(e *util.Environ) string {
		switch segment, ok := util.ShiftPathInfo(e); {
		case !ok || segment == "":
			return "front page"
		case segment == "wiki":
			return wiki(e)
		default:
			return "404 Not Found"
		}
	}
	for _, path := range []string{"/", "/wiki/Rain today", "/blog"} {
		e := util.EnvironFromMap(map[string]string{"PATH_INFO": path})
		util.SetupTestingDefaults(e)
		fmt.Println(site(e))
	}
	// Output:
	// front page
	// page "Rain today" of the wiki, at http://127.0.0.1/wiki/Rain%20today
	// 404 Not Found
}

func ExampleRequestURI() {
	e := util.EnvironFromList([]string{
		"HTTPS=on", "HTTP_HOST=example.org", "SCRIPT_NAME=/app", "PATH_INFO=/tea & cake", "QUERY_STRING=milk=no",
	})
	fmt.Println(util.RequestURI(e, true))
	fmt.Println(util.RequestURI(e, false))
	fmt.Println(util.ApplicationURI(e))
	// Output:
	// https://example.org/app/tea%20%26%20cake?milk=no
	// https://example.org/app/tea%20%26%20cake
	// https://example.org/app
}

// Use io.Copy(w, body) for a ResponseWriter, which sends files without reading them, and Blocks for
// any other destination.
func ExampleFileWrapper() {
	body := util.NewFileWrapper(strings.NewReader("no man is an island"), 8)
	defer body.Close()
	for block, err := range body.Blocks() {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		fmt.Printf("%q\n", block)
	}
	// Output:
	// "no man i"
	// "s an isl"
	// "and"
}

func ExampleIsHopByHop() {
	for _, name := range []string{"Content-Type", "transfer-encoding", "Trailer"} {
		fmt.Println(name, util.IsHopByHop(name))
	}
	// Output:
	// Content-Type false
	// transfer-encoding true
	// Trailer true
}
