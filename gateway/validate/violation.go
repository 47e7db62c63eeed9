package validate

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Violation reports one broken rule. It is also the error of a request that it fails.
type Violation struct {
	Rule    Rule
	Value   string // the offending value, at most 64 bytes of it, then "..." if it is longer
	Where   string // the application's call: function, file and line; "" if no call caused it
	Request string // its method and REQUEST_URI, cut like Value
}

// Error names the rule, and quotes the value.
func (v *Violation) Error() string {
	at := ""
	if v.Where != "" {
		at = " at " + v.Where
	}
	return fmt.Sprintf("validate: %s: got %s%s; the rule: %s (%s)", v.Rule.ID, strconv.Quote(v.Value), at, v.Rule.Text, v.Rule.Source)
}

// shorten limits how much of a client's or an application's text gets into a log.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// appCaller returns the innermost call on the stack that is neither in this package nor in a
// library through which the application may have called. It returns "" for a check that this
// package makes after the application has returned.
func appCaller() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, ownPrefix) && strings.Contains(frame.Function, ").Serve") {
			return ""
		}
		if frame.Function != "" && !isPassThrough(frame.Function) {
			return fmt.Sprintf("%s (%s:%d)", frame.Function, filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}

// ownPrefix is the prefix of the names of this package's functions.
const ownPrefix = "github.com/cgikit/cgikit/gateway/validate."

// isPassThrough reports whether a function may write or read on behalf of its caller.
func isPassThrough(function string) bool {
	for _, prefix := range [...]string{
		ownPrefix, "github.com/cgikit/cgikit/gateway/httpapp.", "net/http.", "io.", "fmt.", "bufio.", "bytes.", "strings.", "log.",
		"log/slog", "os.", "encoding/", "compress/", "html/template.", "text/template", "runtime.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
