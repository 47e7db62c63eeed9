package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// TestFit checks that a flag has an effect on a target, or is an error.
func TestFit(t *testing.T) {
	flags := map[string]targetOptions{
		"--root": {root: "."}, "--split-path": {splitPath: []string{".php"}}, "--index": {index: []string{"x"}},
		"--env": {env: []string{"A=b"}}, "--timeout": {timeout: time.Second}, "--concurrency": {concurrency: 1},
	}
	for name, o := range flags {
		for kind, want := range map[string]bool{"demo": false, "files": false, "cgi": true, "fastcgi": true, "scgi": true} {
			if err := o.fit(kind); (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), name+" has no effect") {
				t.Errorf("%s for %s: got %v; want it to fit: %t", name, kind, err, want)
			}
		}
	}
	for name, o := range map[string]targetOptions{
		"gofast": {gofast: true}, "--keep-conns": {keepConns: keepConns{given: true}}, "--keep-idle": {keepIdle: time.Second},
	} {
		if o.fit("fastcgi") != nil || o.fit("scgi") == nil || o.fit("cgi") == nil || o.fit("demo") == nil {
			t.Errorf("%s is for FastCGI targets, and for no others", name)
		}
	}
}

// TestOpenTarget opens and closes a target of each kind.
func TestOpenTarget(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"demo:", "files:" + dir, "cgi:" + dir, "cgi:" + self, "fastcgi://127.0.0.1:9", "scgi://127.0.0.1:9", "fastcgi+unix:" + filepath.Join(dir, "s"),
	} {
		tg, err := openTarget(name, targetOptions{}, newLog(os.Stderr))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tg.app == nil || tg.watched(nil) == nil {
			t.Errorf("%s: no app", name)
		}
		if hasPool := tg.pool != nil; hasPool != strings.Contains(name, "cgi") && !strings.HasPrefix(name, "cgi:") {
			t.Errorf("%s: connections in figures: %t", name, hasPool)
		}
		if err := tg.close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIndexes checks the default index files and their order.
func TestIndexes(t *testing.T) {
	o := targetOptions{splitPath: []string{".php", ".py"}}
	if got := strings.Join(o.indexes(), " "); got != "index.php index.py index.html" {
		t.Errorf("got %s", got)
	}
	o.index = []string{"start.php"}
	if got := strings.Join(o.indexes(), " "); got != "start.php" {
		t.Errorf("got %s", got)
	}
}

// TestSiteErrors checks that each error names its flag, and that nothing stays open.
func TestSiteErrors(t *testing.T) {
	dir := t.TempDir()
	for want, o := range map[string]targetOptions{
		"--split-path needs --root":                    {splitPath: []string{".php"}},
		"--index needs --split-path":                   {root: dir, index: []string{"index.php"}},
		"--fallback needs --root":                      {site: siteOptions{fallback: "/index.php"}},
		`--split-path: "php" is not a dot`:             {root: dir, splitPath: []string{"php"}},
		`--index "x.html" is neither a script`:         {root: dir, splitPath: []string{".php"}, index: []string{"x.html"}},
		`--index: "a/b.php" is not the name`:           {root: dir, splitPath: []string{".php"}, index: []string{"a/b.php"}},
		`--fallback "index.php" does not begin with`:   {root: dir, splitPath: []string{".php"}, site: siteOptions{fallback: "index.php"}},
		`--fallback: "/../index.php" is not a path`:    {root: dir, splitPath: []string{".php"}, site: siteOptions{fallback: "/../index.php"}},
		`--env: "A" is not NAME=value`:                 {env: []string{"A"}},
		`--env: PATH_INFO describes the request`:       {env: []string{"PATH_INFO=/x"}},
		`--env: SCRIPT_FILENAME describes the request`: {root: dir, splitPath: []string{".php"}, env: []string{"SCRIPT_FILENAME=/x"}},
	} {
		_, err := openTarget("scgi://127.0.0.1:9", o, newLog(os.Stderr))
		if err == nil || !strings.HasPrefix(err.Error(), want) || cli.Status(err) != cli.StatusUsage {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
