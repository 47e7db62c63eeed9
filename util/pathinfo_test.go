package util_test

import (
	"testing"

	"github.com/cgikit/cgikit/util"
)

// shiftRow is one call of ShiftPathInfo: SCRIPT_NAME and PATH_INFO before and after it, and its
// results. ok false is Python's None.
type shiftRow struct {
	script, info         string
	segment              string
	ok                   bool
	newScript, remaining string
}

func testShifts(t *testing.T, rows []shiftRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.script+" "+row.info, func(t *testing.T) {
			e := environ("SCRIPT_NAME", row.script, "PATH_INFO", row.info)
			segment, ok := util.ShiftPathInfo(e)
			if segment != row.segment || ok != row.ok {
				t.Errorf("got %q, %v; want %q, %v", segment, ok, row.segment, row.ok)
			}
			wantPairs(t, e, pair{"SCRIPT_NAME", row.newScript}, pair{"PATH_INFO", row.remaining})
		})
	}
}

// TestShiftPathInfoAsCPythonTests has every case of CPython's own tests.
func TestShiftPathInfoAsCPythonTests(t *testing.T) {
	testShifts(t, []shiftRow{
		{"", "/", "", true, "/", ""},
		{"", "/x", "x", true, "/x", ""},
		{"/", "", "", false, "/", ""},
		{"/a", "/x/y", "x", true, "/a/x", "/y"},
		{"/a", "/x/", "x", true, "/a/x", "/"},
		{"/a/b", "/../y", "..", true, "/a", "/y"},
		{"", "/../y", "..", true, "", "/y"},
		{"/a/b", "//y", "y", true, "/a/b/y", ""},
		{"/a/b", "//y/", "y", true, "/a/b/y", "/"},
		{"/a/b", "/./y", "y", true, "/a/b/y", ""},
		{"/a/b", "/./y/", "y", true, "/a/b/y", "/"},
		{"/a/b", "///./..//y/.//", "..", true, "/a", "/y/"},
		{"/a/b", "///", "", true, "/a/b/", ""},
		{"/a/b", "/.//", "", true, "/a/b/", ""},
		{"/a/b", "/x//", "x", true, "/a/b/x", "/"},
		{"/a/b", "/.", "", false, "/a/b", ""},
	})
}

// TestShiftPathInfoAsCPythonDoes has corner cases without a test in CPython, for which its result
// is right. The departures have the other ones.
func TestShiftPathInfoAsCPythonDoes(t *testing.T) {
	testShifts(t, []shiftRow{
		{"", "/..", "..", true, "", ""},
		{"", "/../..", "..", true, "", "/.."},
		{"/a", "/x/..", "x", true, "/a/x", "/.."},
		{"/a", "/x/.", "x", true, "/a/x", "/."},
		{"/a", "/x/./y/./z", "x", true, "/a/x", "/y/z"},
		{"/a", "/%2e%2e/x", "%2e%2e", true, "/a/%2e%2e", "/x"},
		{"/a/../b", "/x", "x", true, "/b/x", ""},
		{"//a", "/x", "x", true, "//a/x", ""},
		{"///a", "/x", "x", true, "/a/x", ""},
		{"/a/", "/x", "x", true, "/a/x", ""},
		{"/a", "", "", false, "/a", ""},
	})
}

func TestShiftPathInfoDepartsFromCPython(t *testing.T) {
	testShifts(t, []shiftRow{
		{"/a", "x/y", "x", true, "/a/x", "/y"},      // Python: "y", and PATH_INFO is "x"
		{"/a", "x", "x", true, "/a/x", ""},          // Python: IndexError
		{"/a", "./x", "x", true, "/a/x", ""},        // Python: "x", and PATH_INFO is "."
		{"/a", "/x//y", "x", true, "/a/x", "//y"},   // Python: "/y" remains
		{"/a", "/x//y/", "x", true, "/a/x", "//y/"}, // Python: "/y/" remains
		{"/a", "/x/y//z", "x", true, "/a/x", "/y//z"},
		{"/a", "/../x//y", "..", true, "", "/x//y"},
		{"/a", "/x//..", "x", true, "/a/x", "//.."},
		{"/", "/x", "x", true, "/x", ""},   // Python: "//x"
		{"//", "/x", "x", true, "/x", ""},  // Python too, though not for "/"
		{"a", "/x", "x", true, "/a/x", ""}, // Python: "a/x"
		{"a", "/..", "..", true, "", ""},   // Python: ".", which a second ".." leaves
	})
}

// TestShiftPathInfoAbsent: without a PATH_INFO nothing is modified, and a missing SCRIPT_NAME means
// an empty one.
func TestShiftPathInfoAbsent(t *testing.T) {
	e := environ("SCRIPT_NAME", "/a/../b")
	if segment, ok := util.ShiftPathInfo(e); segment != "" || ok {
		t.Errorf("without PATH_INFO: got %q, %v; want \"\", false", segment, ok)
	}
	wantPairs(t, e, pair{"SCRIPT_NAME", "/a/../b"})

	e = environ("PATH_INFO", "/x/y")
	if segment, ok := util.ShiftPathInfo(e); segment != "x" || !ok {
		t.Errorf("without SCRIPT_NAME: got %q, %v; want \"x\", true", segment, ok)
	}
	wantPairs(t, e, pair{"PATH_INFO", "/y"}, pair{"SCRIPT_NAME", "/x"})
}

// TestShiftPathInfoWalk shifts until no segment is left. The URL stays the same, except at steps
// that drop a repeated slash or a dot.
func TestShiftPathInfoWalk(t *testing.T) {
	e := environ("HTTP_HOST", "h", "SCRIPT_NAME", "/app", "PATH_INFO", "/one;v=1,2/two words/\xe4/")
	want := util.RequestURI(e, false)
	var segments []string
	for segment, ok := util.ShiftPathInfo(e); ok; segment, ok = util.ShiftPathInfo(e) {
		segments = append(segments, segment)
		if got := util.RequestURI(e, false); got != want {
			t.Errorf("after %q: got %q; want %q", segments, got, want)
		}
	}
	if len(segments) != 4 || segments[1] != "two words" || segments[3] != "" {
		t.Errorf("got %q; want four segments, the last empty", segments)
	}
	wantLookup(t, e, "SCRIPT_NAME", "/app/one;v=1,2/two words/\xe4/", true)
	wantLookup(t, e, "PATH_INFO", "", true)
}

func BenchmarkShiftPathInfo(b *testing.B) {
	e := environ(nginxSCGI...)
	b.ReportAllocs()
	for b.Loop() {
		e.Set("SCRIPT_NAME", "/app")
		e.Set("PATH_INFO", "/hello/world")
		util.ShiftPathInfo(e)
	}
}
