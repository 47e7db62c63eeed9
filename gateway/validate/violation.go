package validate

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Violation is one broken rule. It is also the error of a request that it fails.
type Violation struct {
	Rule    Rule
	Value   string // what was found; at most 64 bytes of it, and "..." where there was more
	Where   string // the application's call: function, file and line; "" where no call is to blame
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

// cut bounds what a client or an application can put into a log.
func cut(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// caller returns the innermost call on the stack that belongs to neither this package nor a library
// through which the application may have called; "" where it is this package's own, made when the
// application has returned.
func caller() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, own) && strings.Contains(frame.Function, ").Serve") {
			return ""
		}
		if frame.Function != "" && !passedThrough(frame.Function) {
			return fmt.Sprintf("%s (%s:%d)", frame.Function, filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}

// own begins the names of this package's functions.
const own = "github.com/cgikit/cgikit/gateway/validate."

// passedThrough matches functions that write or read on behalf of others.
func passedThrough(function string) bool {
	for _, prefix := range [...]string{
		own, "github.com/cgikit/cgikit/gateway/httpapp.", "net/http.", "io.", "fmt.", "bufio.", "bytes.", "strings.", "log.",
		"log/slog", "os.", "encoding/", "compress/", "html/template.", "text/template", "runtime.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
