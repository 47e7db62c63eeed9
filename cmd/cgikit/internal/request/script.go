package request

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway"
)

// scriptFailure explains a CGI script that gave no whole answer.
func (r *Request) scriptFailure(a *answer, err error) error {
	path := r.scriptPath()
	head := (*gateway.HeadError)(nil)
	switch {
	case a.fields != nil:
		return &cli.Error{Err: fmt.Errorf("the answer was cut off after %d bytes of its body: %w", a.size, cause(err)), Hint: signalHint(err), Status: StatusCutOff}
	case !errors.As(err, &head):
		return &cli.Error{Err: fmt.Errorf("the script cannot be started: %w", startCause(err)), Hint: FileHint(path), Status: StatusNoConnection}
	case head.Start == "":
		text := fmt.Errorf("the script sent nothing%s", exitText(err))
		return &cli.Error{Err: text, Hint: firstOf(signalHint(err), FileHint(path), silentHint(a)), Status: StatusNothingCame}
	}
	text := fmt.Errorf("the script sent no valid head: %w; it begins %q", cause(err), head.Start)
	return &cli.Error{Err: text, Hint: firstOf(signalHint(err), headHint(head)), Status: StatusNotProtocol}
}

// startCause is why the system did not start a script, without the path, which the user knows, and
// without a hint, which FileHint has.
func startCause(err error) error {
	if number := syscall.Errno(0); errors.As(err, &number) {
		return number
	}
	return cause(err)
}

var exitPattern = regexp.MustCompile(`exit status \d+|signal: [a-z ]+`)

// exitText is how the script ended, as the error of package cgi says it; "" for exit status 0.
func exitText(err error) string {
	if how := exitPattern.FindString(err.Error()); how != "" {
		return ": " + how
	}
	return ", and ended with exit status 0"
}

func silentHint(a *answer) string {
	if a.stderr.size > 0 {
		return "the reason may be on its error stream, above"
	}
	return "a script must write at least a head, such as Content-Type: text/plain and a blank line; it wrote nothing to its error stream either"
}

func firstOf(hints ...string) string {
	for _, hint := range hints {
		if hint != "" {
			return hint
		}
	}
	return ""
}

// signalHint explains a script that was ended by a signal; cgi's error has its name.
func signalHint(err error) string {
	name, found := strings.CutPrefix(exitPattern.FindString(err.Error()), "signal: ")
	if !found {
		return ""
	}
	why := "its own process, the system or an administrator sent it"
	switch {
	case strings.HasPrefix(name, "segmentation fault"):
		why = "the interpreter or one of its libraries has crashed"
	case strings.HasPrefix(name, "killed"):
		why = "the system may have run out of memory, or a limit was passed"
	}
	return fmt.Sprintf("a signal ended the script (%s): %s", name, why)
}

const byteOrderMark = "\xef\xbb\xbf"

// headHint explains how a head that is not valid came to be.
func headHint(head *gateway.HeadError) string {
	text := head.Error()
	switch {
	case strings.HasPrefix(head.Start, "<b>Security Alert!</b>"):
		return "php-cgi wants REDIRECT_STATUS where cgi.force_redirect is on: -e REDIRECT_STATUS=200"
	case strings.HasPrefix(head.Start, byteOrderMark):
		return "the output begins with a byte order mark (EF BB BF): save the script as UTF-8 without one"
	case strings.Contains(text, "ends within the head"):
		return "a blank line must follow the fields of the head, and the body comes after it"
	case strings.Contains(text, "without a colon"):
		return "the head must be the first output: a field such as Content-Type: text/html, then a blank line; what is for a log goes to standard error"
	}
	return "a head is fields such as Content-Type: text/html, and then a blank line"
}

// scriptPath is the file of the script: the target, or what the path names in the target's folder.
func (r *Request) scriptPath() string {
	if !isFolder(r.Target.Path) {
		return r.Target.Path
	}
	path, _, _ := strings.Cut(r.Path, "?")
	full := r.Target.Path
	for segment := range strings.SplitSeq(path, "/") {
		if full = filepath.Join(full, segment); !isFolder(full) {
			break
		}
	}
	return full
}

// FileHint tells what about a script's file keeps it from being run, with its first bytes; "" where
// nothing is wrong with it.
func FileHint(path string) string {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return ""
	}
	if info.Mode().Perm()&0o111 == 0 && runtime.GOOS != "windows" {
		return fmt.Sprintf("the script has no execute bit (mode %04o): chmod +x %s", info.Mode().Perm(), path)
	}
	start := readStart(path)
	line, _, _ := bytes.Cut(start, []byte("\n"))
	shown := fmt.Sprintf("%.60q", line)
	switch {
	case bytes.HasPrefix(start, []byte(byteOrderMark)):
		return "the script begins with a byte order mark (EF BB BF) before " + fmt.Sprintf("%.40q", line[len(byteOrderMark):]) + ": save it as UTF-8 without one"
	case bytes.HasPrefix(line, []byte("#!")) && bytes.HasSuffix(line, []byte("\r")):
		return "the first line ends in CR LF, and the CR belongs to the interpreter's name: " + shown + `; sed -i 's/\r$//' ` + path
	case bytes.HasPrefix(line, []byte("#!")):
		return interpreterHint(strings.Fields(string(line[2:])), shown)
	case !isProgram(start):
		return "the first line names no interpreter, such as #!/bin/sh: it is " + shown
	}
	return ""
}

// readStart returns the first bytes of a file.
func readStart(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	start := make([]byte, 256)
	n, _ := io.ReadFull(f, start)
	return start[:n]
}

// interpreterHint tells of an interpreter that is not there. Words are those of the first line.
func interpreterHint(words []string, shown string) string {
	if len(words) == 0 {
		return "the first line names no interpreter: " + shown
	}
	if _, err := os.Stat(words[0]); err != nil {
		return fmt.Sprintf("the interpreter of the first line does not exist: %.100s; the line is %s", words[0], shown)
	}
	if len(words) > 1 && filepath.Base(words[0]) == "env" && !strings.HasPrefix(words[1], "-") {
		if _, err := exec.LookPath(words[1]); err != nil {
			return fmt.Sprintf("%s finds no program %.100s in PATH; the first line is %s", words[0], words[1], shown)
		}
	}
	return ""
}

// isProgram reports whether a file begins as a compiled program does: ELF, Mach-O or PE.
func isProgram(start []byte) bool {
	for _, magic := range []string{"\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "MZ"} {
		if bytes.HasPrefix(start, []byte(magic)) {
			return true
		}
	}
	return false
}
