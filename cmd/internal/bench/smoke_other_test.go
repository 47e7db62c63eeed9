//go:build !linux

package main

import (
	"strings"
	"testing"
)

// onLinux checks that the benchmarks tell where they run.
func onLinux(t *testing.T, status int, errs string) bool {
	t.Helper()
	if status == 1 && !strings.Contains(errs, "run on Linux only") {
		t.Errorf("status 1, errors %.300q", errs)
	}
	return false
}
