package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// stage is the state of a script: one command in the background, and the requests that it has
// begun.
type stage struct {
	mu      sync.Mutex
	grown   *sync.Cond // signals a change of lines or closed
	lines   []string   // of both outputs
	closed  int        // outputs of command that have ended
	command *exec.Cmd
	others  []*exec.Cmd // what command needs
	held    map[string]*held
}

type stageKey struct{}

func newStage(e *testscript.Env) *stage {
	s := &stage{held: make(map[string]*held)}
	s.grown = sync.NewCond(&s.mu)
	e.Defer(func() {
		if s.command != nil {
			s.command.Process.Kill()
			s.command.Wait()
		}
		for _, c := range s.others {
			c.Process.Signal(os.Interrupt)
			c.Wait()
		}
	})
	return s
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// start PROGRAM ARGS... runs a program in the background.
func start(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if neg || len(args) == 0 || s.command != nil {
		ts.Fatalf("usage, once in a script: start PROGRAM ARGS...")
	}
	s.command = s.launch(ts, args, "stdout: ", "stderr: ")
}

// also PROGRAM ARGS... runs one more program in the background, until the script ends. Its lines
// begin with "also: ".
func also(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if neg || len(args) == 0 || s.command != nil {
		ts.Fatalf("usage, before start: also PROGRAM ARGS...")
	}
	s.others = append(s.others, s.launch(ts, args, fromOther, fromOther))
}

const fromOther = "also: "

func (s *stage) launch(ts *testscript.TestScript, args []string, onStdout, onStderr string) *exec.Cmd {
	program, err := exec.LookPath(args[0])
	ts.Check(err)
	c := exec.Command(program, args[1:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	stdout, err := c.StdoutPipe()
	ts.Check(err)
	stderr, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	go s.collect(onStdout, stdout)
	go s.collect(onStderr, stderr)
	return c
}

// capture REGEXP VARIABLE sets a variable to the text that the first group matches in stdout.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture REGEXP VARIABLE")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	match := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if match == nil {
		ts.Fatalf("stdout has nothing like %s", args[0])
	}
	ts.Setenv(args[1], match[1])
}

func (s *stage) collect(from string, r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		s.mu.Lock()
		s.lines = append(s.lines, from+lines.Text())
		s.mu.Unlock()
		s.grown.Broadcast()
	}
	s.mu.Lock()
	if from != fromOther {
		s.closed++
	}
	s.mu.Unlock()
	s.grown.Broadcast()
}

// await REGEXP [VARIABLE] waits until the program in the background has printed a line that
// matches. Lines begin with "stdout: " or "stderr: ". The text of the first group becomes the
// variable.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await REGEXP [VARIABLE]")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	s := stageOf(ts)
	match := s.find(pattern)
	if match == nil {
		ts.Fatalf("no line like %s came:\n%s", args[0], webserver.Excerpt(s.printed()))
	}
	if len(args) == 2 {
		ts.Setenv(args[1], match[1])
	}
}

// patience is how long a program may be silent. After the deadline of the test itself, the program
// would still run.
const patience = 30 * time.Second

// find returns nil if the program has ended, or was silent for too long, without a line that
// matches.
func (s *stage) find(pattern *regexp.Regexp) []string {
	late := false
	timer := time.AfterFunc(patience, func() {
		s.mu.Lock()
		late = true
		s.mu.Unlock()
		s.grown.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for seen := 0; ; {
		for ; seen < len(s.lines); seen++ {
			if match := pattern.FindStringSubmatch(s.lines[seen]); match != nil {
				return match
			}
		}
		if s.closed == 2 || late {
			return nil
		}
		s.grown.Wait()
	}
}

// signal sends SIGTERM to the program in the background. "signal int" sends SIGINT, as Ctrl-C does;
// hup and quit are also possible.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	signal := syscall.SIGTERM
	if len(args) == 1 {
		signal = map[string]syscall.Signal{"int": syscall.SIGINT, "hup": syscall.SIGHUP, "quit": syscall.SIGQUIT}[args[0]]
	}
	ts.Check(stageOf(ts).command.Process.Signal(signal))
}

// ends waits for the end of the program in the background. It must succeed, or with ! fail. Its
// output becomes stdout, and each line begins with its origin.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	s.find(regexp.MustCompile("no line is like this$^"))
	if s.running() {
		ts.Fatalf("the program does not end:\n%s", webserver.Excerpt(s.printed()))
	}
	err := s.command.Wait()
	s.command = nil
	io.WriteString(ts.Stdout(), s.printed())
	if (err != nil) != neg {
		ts.Fatalf("the program ended with error %v:\n%s", err, webserver.Excerpt(s.printed()))
	}
}

// running reports whether the program still has an output open.
func (s *stage) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed < 2
}

func (s *stage) printed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// occupy ADDRESS listens there until the script ends, unless another process does already.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if l, err := net.Listen("tcp", args[0]); err == nil {
		ts.Defer(func() { l.Close() })
	}
}

// exits STATUS PROGRAM ARGS... runs a program, which must end with that exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS...")
	}
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if args[0] != strconv.Itoa(got) {
		ts.Fatalf("got exit status %d; want %s", got, args[0])
	}
}
