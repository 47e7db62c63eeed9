package cgi

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// Script is the gateway.Backend that starts a CGI script for each request. It is safe for concurrent use; its fields must not
// change while it is used, and it must not be copied once it was.
//
// # What a script gets
//
// Its environment is the request's meta-variables without HTTP_PROXY (CVE-2016-5386), GATEWAY_INTERFACE, this process's PATH,
// InheritEnv and Env, and nothing else (RFC 3875 section 7.2); on Windows also SystemRoot, without which programs do not start. Its
// arguments are Args: the query never becomes one, which section 4.4 allows and CVE-2012-1823 is about. No shell stands between.
// Its standard error goes to the request's Stderr. It inherits no other file descriptor, and no signal that this process ignores.
// On Unix it leads a process group of its own.
//
// The length of a request body must be known; an unknown one gives gateway.ErrLengthRequired, since CGI has no chunks (RFC 3875
// section 4.1.2). The body goes in while the response comes out. A script that does not read its body gets to answer all the same.
//
// # When a response is whole
//
// A response ends when the script has closed its standard output and ended. Where a process that the script has left behind keeps
// standard output open, it ends once that has been silent for two seconds. The Body gives a *gateway.BackendError in place of
// io.EOF when the script was ended by a signal, or with an exit status that is not zero: [Serve] says in this way that a response is
// not whole. A response to HEAD and one as long as its Content-Length says are whole, whatever came after them; an exit status
// that was put up with is told on the request's Stderr.
//
// The answer of a script whose file name begins with "nph-" is a complete HTTP response (RFC 3875 section 5). Its status line becomes
// the Status, and a chunked body is decoded: one that lacks its last chunk is not whole.
//
// # How a script is stopped
//
// The end of the request's context, RequestTimeout, ReadTimeout, a bound that is passed, a request body that breaks off and an
// early Close of the Body stop the script: SIGTERM to its process group, SIGKILL to it after KillDelay, and to who is left of it as
// soon as the script has ended. Close returns by then. On Windows, which has no such signals, the script alone is ended at once. Before the head a time that is over is a *gateway.BackendError of 504; after it, the Body gives that error.
//
// A script that cannot be started is a 502, or a 503 where the system is short of something; the error has the cause.
type Script struct {
	// Path is the program's file. It is not looked for in PATH. It must be set.
	Path string

	// Dir is the folder that the script runs in. Empty means the one that Path is in (RFC 3875 section 7.2).
	Dir string

	// Args are the arguments that follow the program's name.
	Args []string

	// Env is added to the script's environment, "NAME=value" each. It overrides the request's variables.
	Env []string

	// InheritEnv are the names of this process's own variables that the script gets too, where they are set, such as "TZ" or
	// "LD_LIBRARY_PATH". They override the request's, and Env overrides them.
	InheritEnv []string

	// RunAs is the user that the script runs as, which takes the rights to change to it. Nil means the user of this process. On
	// Windows no script starts with it.
	RunAs *Credential

	// Limits bounds what the script may use of the system. Its zero value bounds nothing.
	Limits Limits

	// RequestTimeout bounds the whole run of the script. Zero and negative mean no bound.
	RequestTimeout time.Duration

	// ReadTimeout bounds each wait for more of the response, the head included, in which the script takes in no more of the
	// request either. It does not run while this process waits for the request's body, nor while nobody reads the response. Zero means 60
	// seconds, negative no bound.
	ReadTimeout time.Duration

	// KillDelay is how long a script that has been asked to end by SIGTERM may take for it. Zero means 3 seconds, as Apache
	// gives; negative none: SIGKILL is sent at once.
	KillDelay time.Duration

	// MaxScripts bounds how many scripts run at the same time, MaxQueue how many requests wait for their turn, as long as their contexts let
	// them. One more is a *gateway.BackendError of 503. MaxScripts: zero and negative mean no bound. MaxQueue: zero means 128,
	// negative that none waits.
	MaxScripts, MaxQueue int

	// MaxHeadBytes bounds the head of the response, in bytes. Zero and negative mean 64 KiB.
	MaxHeadBytes int

	// MaxOutputBytes bounds what a script writes to standard output, its head included, in bytes. One that writes more is stopped, and
	// its response broken. Zero and negative mean no bound.
	MaxOutputBytes int64

	// MaxStderrBytes bounds what of a script's standard error is handed on, in bytes. What is more is read and dropped, and its
	// length told. Zero means 1 MiB, negative no bound.
	MaxStderrBytes int64

	// AnyExitStatus takes a response for whole whatever status the script exits with, as Apache and lighttpd do. Death by a signal
	// is a failure still.
	AnyExitStatus bool

	// RefuseFunctions refuses a request with a variable whose value begins with "() {", by a *gateway.RequestError: what a shell
	// without the patches for CVE-2014-6271 would run.
	RefuseFunctions bool

	inherited sync.Once
	queue     queue
}

// Credential is a user to run scripts as, by numbers. Groups are the supplementary groups; without any, a script has none.
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
	if err := s.queue.enter(r.Context(), s.MaxScripts, cmp.Or(s.MaxQueue, defaultMaxQueue)); err != nil {
		return nil, err
	}
	env := s.environ(r)
	if length > 0 && env.Get("CONTENT_LENGTH") == "" {
		env.Set("CONTENT_LENGTH", strconv.FormatInt(length, 10))
	}
	p, err := s.start(r, command{path: path, dir: dir, env: env.List()}, stdin)
	if err != nil {
		s.queue.leave()
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

// shellFunction returns the name of the first variable that bash would have taken for a function, "" if there is none.
func shellFunction(e *util.Environ) string {
	for name, value := range e.All() {
		if strings.HasPrefix(value, "() {") {
			return name
		}
	}
	return ""
}

// environ is the script's whole environment.
func (s *Script) environ(r *gateway.Request) *util.Environ {
	e := r.Environ.Clone()
	e.Del("HTTP_PROXY")
	e.Del("PATH")
	e.Set("GATEWAY_INTERFACE", "CGI/1.1")
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

// place makes the path absolute, since it would otherwise be looked for in the folder that the script runs in, and finds that folder.
func (c *command) place() (err error) {
	if c.path, err = filepath.Abs(c.path); err != nil {
		return err
	}
	c.dir = cmp.Or(c.dir, filepath.Dir(c.path))
	return nil
}
