module github.com/cgikit/cgikit

go 1.26

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	github.com/yookoala/gofast v0.8.0
	go.yaml.in/yaml/v3 v3.0.4
	golang.org/x/net v0.43.0
	golang.org/x/sys v0.47.0
	golang.org/x/term v0.45.0
)

require (
	github.com/cpuguy83/go-md2man/v2 v2.0.6 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/kr/text v0.2.0 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	golang.org/x/tools v0.36.1-0.20250903222949-a5c0eb837c9f // indirect
)

// gofast imports golang.org/x/tools/godoc/vfs, which x/tools deleted in v0.37.0. This module still carries it: without the line
// every program with a newer x/tools in its build list fails to find the package.
require golang.org/x/tools/godoc v0.1.0-deprecated // indirect
