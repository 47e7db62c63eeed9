package request

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// output is where the answer goes: standard output, or the file of -o, which is made at the first
// byte. A file that holds a part of an answer stays, as with curl.
type output struct {
	w    io.Writer
	path string
	file *os.File
}

func (r *Request) newOutput() *output {
	if r.Output == "-" {
		return &output{w: r.Stdout}
	}
	return &output{w: r.Stdout, path: r.Output}
}

// write writes p unless it is discarded.
func (o *output) write(p []byte, discard bool) error {
	if discard || len(p) == 0 {
		return nil
	}
	if o.path != "" && o.file == nil {
		f, err := os.Create(o.path)
		if err != nil {
			return cli.Failure(err, "-o is followed by a file that can be written")
		}
		o.file, o.w = f, f
	}
	_, err := o.w.Write(p)
	return err
}

func (o *output) close() error {
	if o.file == nil {
		return nil
	}
	if err := o.file.Close(); err != nil {
		return &cli.Error{Err: err, Status: StatusWriteFailed}
	}
	return nil
}

// keptStderr bounds what is kept of an error stream for hints and for JSON, in bytes.
const keptStderr = 64 << 10

// errorStream shows what an application writes to its error stream, a line at a time.
type errorStream struct {
	request *Request
	size    int64
	kept    []byte
	line    []byte // not complete yet
}

func (r *Request) newErrorStream() *errorStream { return &errorStream{request: r} }

// maxErrorLine bounds a line, in bytes; a longer one is shown in pieces.
const maxErrorLine = 4 << 10

// Write implements io.Writer.
func (s *errorStream) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	if room := keptStderr - len(s.kept); room > 0 {
		s.kept = append(s.kept, p[:min(len(p), room)]...)
	}
	for _, c := range p {
		if c == '\n' || len(s.line) == maxErrorLine {
			s.show()
		}
		if c != '\n' {
			s.line = append(s.line, c)
		}
	}
	return len(p), nil
}

// flush shows a line that did not end.
func (s *errorStream) flush() {
	if len(s.line) > 0 {
		s.show()
	}
}

func (s *errorStream) show() {
	text := exchange.Printable(strings.TrimSuffix(string(s.line), "\r"))
	s.line = s.line[:0]
	if s.request.JSON || s.request.Silent {
		return
	}
	if s.request.Verbose > 0 {
		text = "! " + text
	}
	s.request.logLine(cli.Yellow, text)
}

// logLine writes a line to standard error.
func (r *Request) logLine(c cli.Colour, line string) {
	if !r.Silent {
		io.WriteString(r.Stderr, r.Colours.Paint(c, line)+"\n")
	}
}

// hint tells what the user can do, if anything.
func (r *Request) hint(text string) {
	if text != "" {
		r.logLine("", "hint: "+exchange.Printable(text))
	}
}

// isWriteFailure reports whether the output took no more.
func isWriteFailure(err error) bool { return errors.As(err, new(errOutput)) }
