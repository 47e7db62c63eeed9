//go:build unix

package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const readme = "../../README.md"

// TestReadmeIsShort: a reader gets through the README in a few minutes, and sees on its first
// screen what cgikit is, how to install it, its three uses and the picture of the demo.
func TestReadmeIsShort(t *testing.T) {
	const most, screen = 150, 28
	lines := readReadme(t)
	if len(lines) > most {
		t.Errorf("got %d lines; want at most %d", len(lines), most)
	}
	first := strings.Join(lines[:min(screen, len(lines))], "\n")
	for _, want := range []string{
		"is a Go library and a command", "https://pkg.go.dev/badge/", "\n    go install ", "\n    CGIKIT_LISTEN=",
		"\n    cgikit serve ", "\n    cgikit request ", "](testdata/demo.png)",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the first %d lines have no %q", screen, want)
		}
	}
}

// TestReadmePicture: the picture exists and is small. TestPages -picture makes it.
func TestReadmePicture(t *testing.T) {
	const most = 100_000 // bytes
	data, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatal(err)
	}
	size, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || size.Width != pictureDevice.width || size.Height != pictureDevice.height || len(data) > most {
		t.Errorf("got %d bytes, %dx%d, error %v; want at most %d bytes, %dx%d",
			len(data), size.Width, size.Height, err, most, pictureDevice.width, pictureDevice.height)
	}
}

// TestReadmeCommandsAreTested: each command of the README is run by a test.
func TestReadmeCommandsAreTested(t *testing.T) {
	tested := []string{
		"cgikit ",        // TestRecipes
		"go install ",    // TestGoInstall of internal/dist
		"go get ",        // TestFirstMinute there
		"CGIKIT_LISTEN=", // TestFirstMinute
		"go run ./cmd/",  // the folder must exist, see below
	}
	commands := regexp.MustCompile("(?m)^    (.+)$|`((?:go|curl|\\./)[^`]* [^`]*)`").FindAllStringSubmatch(withoutGo(readReadme(t)), -1)
	if len(commands) < 5 {
		t.Fatalf("got %d commands", len(commands))
	}
	for _, m := range commands {
		command, found := m[1]+m[2], false
		for _, prefix := range tested {
			found = found || strings.HasPrefix(command, prefix)
		}
		if !found {
			t.Errorf("no test runs %q", command)
		}
		if dir, ok := strings.CutPrefix(command, "go run ./"); ok {
			dir, _, _ = strings.Cut(dir, " ")
			if _, err := os.Stat(filepath.Join("../..", dir)); err != nil {
				t.Errorf("%s: %v", command, err)
			}
		}
	}
}

func readReadme(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// withoutGo returns the page without its blocks of Go.
func withoutGo(lines []string) string {
	return regexp.MustCompile("(?s)```go\n.*?```").ReplaceAllString(strings.Join(lines, "\n"), "")
}
