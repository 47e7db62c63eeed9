package cgi

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// Script is the gateway.Backend that starts a CGI script for each request. It is safe for
// concurrent use; its fields must not change while it is used, and it must not be copied once it
// was.
//
// # What a script gets
//
// Its environment is the request's meta-variables without HTTP_PROXY (CVE-2016-5386),
// GATEWAY_INTERFACE, this process's PATH, InheritEnv and Env, and nothing else (RFC 3875 section
// 7.2); on Windows also SystemRoot, without which programs do not start. Its arguments are Args:
// the query never becomes one, which section 4.4 allows and CVE-2012-1823 is about. No shell stands
// between. Its standard error goes to the request's Stderr. It inherits no other file descriptor,
// and no signal that this process ignores. On Unix it leads a process group of its own.
//
// SCRIPT_FILENAME is the script's absolute path where the request has no absolute path there, as a
// request over HTTP has none: an interpreter that is named after "#!" in the script, such as
// php-cgi, finds the script by it. What a web server or a Handler sent stays, since the program may
// itself be an interpreter, for the scripts that they name.
//
// The length of a request body must be known; an unknown one gives gateway.ErrLengthRequired, since
// CGI has no chunks (RFC 3875 section 4.1.2). The body goes in while the response comes out. A
// script that does not read its body gets to answer all the same.
//
// # When a response is complete
//
// A response ends with the last byte that its Content-Length declares, and otherwise at the end of
// standard output. The script may run on after that: it keeps its slot under MaxScripts and its
// RequestTimeout, but gets no more of the request's body, and what it still sends is dropped: after
// 1 MiB of it, standard output is closed. Where a process that the script has left behind keeps
// standard output open, the response ends once that has been silent for two seconds.
//
// The exit status has no meaning (RFC 3875 gives it none): one that is not zero is logged. At the
// end of standard output the Body waits for it up to 100 ms, and longer only while the kernel is
// ending the process (on Linux, where /proc tells); after a Content-Length 10 ms, or up to 100 ms
// while the script waits for nothing but a processor. Response.ExitStatus is -1 where the script
// had not ended by then, or was ended by a signal.
//
// A script that was ended by a signal breaks its response: the Body gives a *gateway.BackendError
// in place of io.EOF. So does an exit status that is not zero with StrictExit, and where the script
// asks for it by the field "X-CGI-Strict-Exit: 1" of its head, as [Serve] does to tell late
// failures. In both cases the end of the response waits for that of the script. The field is
// removed from every response, whoever sent it. A response that has all its declared bytes, and one
// without a body (to HEAD, 204, 205, 304), is complete whatever follows.
//
// The answer of a script whose file name begins with "nph-" is a complete HTTP response (RFC 3875
// section 5). Its status line becomes the Status, and a chunked body is decoded: it ends with its
// last chunk, and is broken without it.
//
// # How a script is stopped
//
// The end of the request's context, ReadTimeout, a bound that is passed, a request body that breaks
// off and a Close of the Body before io.EOF stop the script while its response is under way;
// RequestTimeout and [Script.Close] do so at any time. SIGTERM goes to its process group, SIGKILL
// to it after KillDelay, and to those that are left of it as soon as the script has ended. A Close
// that stops the script returns by then. What a script has left behind in its group is stopped too,
// on Linux also after the script has ended, as long as the response has not. On Windows, which has
// no such signals, the script alone is ended at once. Before the head a time that is over is a
// *gateway.BackendError of 504; after it, the Body gives that error.
//
// Nothing is run for a request whose context has ended.
//
// A script that cannot be started is a 502, or a 503 where the system is short of something; the
// error has the cause.
type Script struct {
	// Path is the program's file. It is not looked for in PATH. It must be set.
	Path string

	// Dir is the folder that the script runs in. Empty means the one that Path is in (RFC 3875
	// section 7.2).
	Dir string

	// Args are the arguments that follow the program's name.
	Args []string

	// Env is added to the script's environment, "NAME=value" each. It overrides the request's
	// variables.
	Env []string

	// InheritEnv are the names of this process's own variables that the script gets too, where they
	// are set, such as "TZ" or "LD_LIBRARY_PATH". They override the request's, and Env overrides
	// them.
	InheritEnv []string

	// RunAs is the user that the script runs as, which takes the rights to change to it. Nil means
	// the user of this process. On Windows no script starts with it.
	RunAs *Credential

	// Limits bounds what the script may use of the system. Its zero value bounds nothing.
	Limits Limits

	// RequestTimeout bounds the time from the start of the script until both it and its response
	// have ended. Zero and negative mean no bound.
	RequestTimeout time.Duration

	// ReadTimeout bounds each wait for more of the response, the head included, in which the script
	// takes in no more of the request either, and writes nothing to standard error that
	// MaxStderrBytes lets through. It does not run while this process waits for the request's body,
	// nor while the response is not read. Zero means 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// KillDelay is how long a script that has been asked to end by SIGTERM may take for it. Zero
	// means 3 seconds, as Apache gives; negative none: SIGKILL is sent at once.
	KillDelay time.Duration

	// MaxScripts bounds how many scripts run at the same time, MaxQueue how many requests wait for
	// their turn, as long as their contexts let them. One more is a *gateway.BackendError of 503.
	// MaxScripts: zero and negative mean no bound. MaxQueue: zero means 128, negative that none
	// waits.
	MaxScripts, MaxQueue int

	// MaxHeadBytes bounds the head of the response, in bytes. Zero and negative mean 64 KiB.
	MaxHeadBytes int

	// MaxOutputBytes bounds what a script writes to standard output, its head included, in bytes.
	// One that writes more is stopped, and its response broken. Zero and negative mean no bound.
	MaxOutputBytes int64

	// MaxStderrBytes bounds what of a script's standard error is written to the log, in bytes. What
	// is more is read and dropped, and its length logged. Zero means 1 MiB, negative no bound.
	MaxStderrBytes int64

	// StrictExit breaks a response whose script exits with a status that is not zero, unless the
	// response has all its declared bytes or no body. Without it the status is only logged, as by
	// fcgiwrap, Apache and lighttpd.
	StrictExit bool

	// RefuseFunctions refuses a request with a variable whose value begins with "() {", by a
	// *gateway.RequestError: what a shell without the patches for CVE-2014-6271 would run.
	RefuseFunctions bool

	// Stderr takes what a script writes to standard error after the Body of its response was
	// closed, and one line if it fails then. Until then both go to the request's Stderr. It must be
	// safe for concurrent use, as an *os.File is. Nil is this process's standard error.
	Stderr io.Writer

	// its slots are what MaxScripts counts; its lock guards the three below
	line     exchange.Line[struct{}]
	prepared bool
	running  map[*process]bool
	idle     chan struct{} // made by Close, and closed when no script runs any more
}

// Credential is a user to run scripts as, by numbers. Groups are the supplementary groups; without
// any, a script has none.
type Credential struct {
	UID, GID uint32
	Groups   []uint32
}

const (
	defaultReadTimeout = 60 * time.Second
	defaultKillDelay   = 3 * time.Second
	defaultMaxStderr   = 1 << 20
	defaultMaxQueue    = 128
)

// RoundTrip implements gateway.Backend.
func (s *Script) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	return s.run(r, s.Path, s.Dir)
}

// run runs the program at path in the folder dir, its own if that is empty.
func (s *Script) run(r *gateway.Request, path, dir string) (*gateway.Response, error) {
	stdin, length, err := s.accept(r)
	if err != nil {
		return nil, err
	}
	if err := s.reserve(r.Context()); err != nil {
		return nil, err
	}
	env := s.environ(r, path)
	if length > 0 && env.Get("CONTENT_LENGTH") == "" {
		env.Set("CONTENT_LENGTH", strconv.FormatInt(length, 10))
	}
	p, err := s.start(r, command{path: path, dir: dir, env: env.List()}, stdin)
	if err != nil {
		s.release()
		return startFailure(r, err)
	}
	resp, err := gateway.ReadResponse(p, s.MaxHeadBytes)
	if err != nil {
		return nil, p.headError(err)
	}
	p.answer(r, resp, isNPH(env, path))
	return resp, nil
}

// accept returns the body that the script is to read and its length, nil and 0 for none.
func (s *Script) accept(r *gateway.Request) (io.Reader, int64, error) {
	if name := shellFunction(r.Environ); s.RefuseFunctions && name != "" {
		return nil, 0, &gateway.RequestError{Reason: "shell function in a variable", Input: name[:min(len(name), 64)]}
	}
	length, err := exchange.KnownLength(r)
	if err != nil || length == 0 {
		return nil, 0, err
	}
	return r.Stdin, length, nil
}

// shellFunction returns the name of the first variable that bash would have taken for a function,
// "" if there is none.
func shellFunction(e *util.Environ) string {
	for name, value := range e.All() {
		if strings.HasPrefix(value, "() {") {
			return name
		}
	}
	return ""
}

// environ is the whole environment of the script at path.
func (s *Script) environ(r *gateway.Request, path string) *util.Environ {
	e := r.Environ.Clone()
	e.Del("HTTP_PROXY")
	e.Del("PATH")
	e.Set("GATEWAY_INTERFACE", "CGI/1.1")
	e.Set(strictVariable, strictValue)
	if full, err := filepath.Abs(path); err == nil && !filepath.IsAbs(e.Get("SCRIPT_FILENAME")) {
		e.Set("SCRIPT_FILENAME", full)
	}
	for _, name := range append([]string{"PATH", systemVariable}, s.InheritEnv...) {
		if value, ok := os.LookupEnv(name); ok {
			e.Set(name, value)
		}
	}
	for name, value := range util.EnvironFromList(s.Env).All() {
		e.Set(name, value)
	}
	return e
}

// command is a program to start.
type command struct {
	path, dir string
	env       []string
}

// place makes the path absolute, since it would otherwise be looked for in the folder that the
// script runs in, and finds that folder.
func (c *command) place() (err error) {
	if c.path, err = filepath.Abs(c.path); err != nil {
		return err
	}
	c.dir = cmp.Or(c.dir, filepath.Dir(c.path))
	return nil
}
