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

// Script is a gateway.Backend that runs a CGI script for each request. It is safe for concurrent
// use. Its fields must not change while it is used, and it must not be copied after its first use.
//
// # The environment of a script
//
// The environment has the request's meta-variables without HTTP_PROXY (CVE-2016-5386), and
// GATEWAY_INTERFACE, this process's PATH, InheritEnv and Env (RFC 3875 section 7.2); on Windows
// also SystemRoot, without which programs do not start. It has nothing else. The arguments are
// Args. The query never becomes an argument, although section 4.4 allows it (CVE-2012-1823). No
// shell is used. Standard error goes to the request's Stderr. The script inherits no other file
// descriptor, and no ignored signal. On Unix it leads its own process group.
//
// If SCRIPT_FILENAME is not an absolute path, as in a request over HTTP, it is set to the absolute
// path of the script. An interpreter that the script names after "#!", such as php-cgi, finds the
// script by it. An absolute path stays, because the program may itself be an interpreter for the
// script that the path names.
//
// The length of a request body must be known. An unknown length is a gateway.ErrLengthRequired,
// because CGI has no chunks (RFC 3875 section 4.1.2). The body is written while the response is
// read. A script need not read its body.
//
// # When a response is complete
//
// A response without a body (to HEAD, 204, 205, 304) ends after its head. Any other ends with the
// last byte that its Content-Length declares, or without that field at the end of standard output.
// The script may run on after that. It keeps its slot of MaxScripts, and RequestTimeout still
// applies. It gets no more of the request's body. Further output is dropped, and after 1 MiB
// standard output is closed. If a child process of the script keeps standard output open, the
// response ends when that has been silent for two seconds.
//
// The exit status has no meaning in RFC 3875. One that is not zero is logged. At the end of
// standard output the Body waits for it, up to 100 ms, and longer only while the kernel is ending
// the process (on Linux, by /proc). After the head of a response without a body, and after the last
// byte of a Content-Length, it waits 10 ms, or up to 100 ms while the script waits only for a
// processor. Response.ExitStatus is -1 if the script has not ended by then, or was ended by a
// signal.
//
// If a signal ends the script, its response is broken: the Body returns a *gateway.BackendError
// instead of io.EOF. An exit status that is not zero does the same with StrictExit, and if the
// script asks for it by the field "X-CGI-Strict-Exit: 1" of its head, as [Serve] does to signal
// late failures. In both cases the end of the response waits for the end of the script. The field
// is removed from every response. A response that has all its declared bytes, and one without a
// body (to HEAD, 204, 205, 304), is complete in any case.
//
// If the script's file name begins with "nph-", its output is a complete HTTP response (RFC 3875
// section 5). Its status line becomes the Status. A chunked body is decoded. It ends with its last
// chunk, and is broken without it.
//
// # How a script is stopped
//
// While its response is under way, a script is stopped by the end of the request's context, by
// ReadTimeout, by an exceeded bound, by a request body that fails, and by a Close of the Body
// before io.EOF. RequestTimeout and [Script.Close] stop it at any time. SIGTERM is sent to its
// process group, and SIGKILL after KillDelay. When the script has ended, SIGKILL is sent to the
// rest of the group. A Close that stops the script returns after that. On Linux the rest of the
// group is also stopped if the script has ended before its response. On Windows, which has no such
// signals, only the script itself is ended, and at once. A timeout before the head is a
// *gateway.BackendError of 504; after the head, the Body returns that error.
//
// If the context of a request has ended, no script is started.
//
// A script that cannot be started is a 502, or a 503 if the system has a shortage; the error wraps
// the cause.
type Script struct {
	// Path is the file of the program. PATH is not searched. It must be set.
	Path string

	// Dir is the folder in which the script runs. Empty means the folder of Path (RFC 3875 section
	// 7.2).
	Dir string

	// Args are the arguments that follow the program's name.
	Args []string

	// Env is added to the script's environment, "NAME=value" each. It overrides the request's
	// variables.
	Env []string

	// InheritEnv are the names of variables of this process, such as "TZ" or "LD_LIBRARY_PATH",
	// that are added to the script's environment if they are set. They override the request's
	// variables, and Env overrides them.
	InheritEnv []string

	// RunAs is the user as which the script runs. This process needs the right to change to that
	// user. Nil means the user of this process. On Windows a script with RunAs does not start.
	RunAs *Credential

	// Limits bounds the system's resources for the script. Its zero value bounds nothing.
	Limits Limits

	// RequestTimeout bounds the time from the start of the script until both it and its response
	// have ended. Zero and negative mean no bound.
	RequestTimeout time.Duration

	// ReadTimeout bounds each wait for more of the response, the head included. Progress restarts
	// it: a read of the request's body by the script, and output to standard error within
	// MaxStderrBytes. It does not run while this process waits for the request's body, nor while
	// the response is not read. Zero means 60 seconds. Negative means no bound.
	ReadTimeout time.Duration

	// KillDelay is the time between SIGTERM and SIGKILL when a script is stopped. Zero means 3
	// seconds, as in Apache. Negative means that SIGKILL is sent at once, without SIGTERM.
	KillDelay time.Duration

	// MaxScripts bounds how many scripts run at the same time. MaxQueue bounds how many requests
	// wait for one to end, until their contexts end. A request above both is a
	// *gateway.BackendError of 503. MaxScripts: zero and negative mean no bound. MaxQueue: zero
	// means 128, negative means that no request waits.
	MaxScripts, MaxQueue int

	// MaxHeadBytes bounds the head of the response, in bytes. Zero and negative mean 64 KiB.
	MaxHeadBytes int

	// MaxOutputBytes bounds what a script writes to standard output, its head included, in bytes. A
	// script that writes more is stopped, and its response is broken. Zero and negative mean no
	// bound.
	MaxOutputBytes int64

	// MaxStderrBytes bounds how much of a script's standard error is written to the log, in bytes.
	// The rest is read and dropped, so that the script does not wait, and its length is logged.
	// Zero means 1 MiB. Negative means no bound.
	MaxStderrBytes int64

	// StrictExit breaks a response whose script exits with a status that is not zero, unless the
	// response has all its declared bytes or no body. Without it the status is only logged, as by
	// fcgiwrap, Apache and lighttpd.
	StrictExit bool

	// RefuseFunctions refuses a request that has a variable whose value begins with "() {", with a
	// *gateway.RequestError. A shell without the patches for CVE-2014-6271 would run such a value.
	RefuseFunctions bool

	// Stderr gets what a script writes to standard error after the Body of its response was closed,
	// and one line if the script fails after that. Before that, the request's Stderr gets both. It
	// must be safe for concurrent use, as an *os.File is. Nil is this process's standard error.
	Stderr io.Writer

	// line has a slot for each script that may run: MaxScripts of them. Its lock guards the fields
	// below.
	line     exchange.Line[struct{}]
	started  uint64
	refused  uint64
	prepared bool
	running  map[*process]bool
	idle     chan struct{} // made by Close, and closed when no script runs any more
}

// Credential is the user as which scripts run, by numeric ids. Groups are the supplementary groups
// of a script; if it is empty, the script has none.
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

// run runs the program at path in the folder dir. If dir is empty, the program runs in its own
// folder.
func (s *Script) run(r *gateway.Request, path, dir string) (*gateway.Response, error) {
	stdin, length, err := s.checkRequest(r)
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
	p.setBody(r, resp, isNPH(env, path))
	return resp, nil
}

// checkRequest returns an error if r must not be run, and otherwise its body and the body's length,
// or nil and 0 without a body.
func (s *Script) checkRequest(r *gateway.Request) (io.Reader, int64, error) {
	if name := shellFunction(r.Environ); s.RefuseFunctions && name != "" {
		return nil, 0, &gateway.RequestError{Reason: "shell function in a variable", Input: name[:min(len(name), 64)]}
	}
	length, err := exchange.KnownLength(r)
	if err != nil || length == 0 {
		return nil, 0, err
	}
	return r.Stdin, length, nil
}

// shellFunction returns the name of the first variable whose value an unpatched bash would run as a
// function, or "".
func shellFunction(e *util.Environ) string {
	for name, value := range e.All() {
		if strings.HasPrefix(value, "() {") {
			return name
		}
	}
	return ""
}

// environ returns the complete environment of the script at path.
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

// resolvePaths makes the path absolute, because a relative one would be resolved in the folder in
// which the script runs, and sets that folder if it is empty.
func (c *command) resolvePaths() (err error) {
	if c.path, err = filepath.Abs(c.path); err != nil {
		return err
	}
	c.dir = cmp.Or(c.dir, filepath.Dir(c.path))
	return nil
}
