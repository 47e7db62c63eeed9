module github.com/cgikit/cgikit

go 1.26

require (
	github.com/yookoala/gofast v0.8.0
	golang.org/x/sys v0.47.0
)

// gofast imports golang.org/x/tools/godoc/vfs, which x/tools deleted in v0.37.0. This module still carries it: without the line
// every program with a newer x/tools in its build list fails to find the package.
require golang.org/x/tools/godoc v0.1.0-deprecated // indirect
