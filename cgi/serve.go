package cgi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// ErrNotCGI is wrapped by the error of Serve in a process that was not started as a CGI script.
var ErrNotCGI = errors.New("cgi: not started by a web server")

// Serve answers the one request for which a web server started this process. It is the short form
// of [Server.Serve], with the zero values of [Server] and a context that only SIGTERM ends.
func Serve(app gateway.App) error {
	s := Server{App: app}
	return s.Serve(context.Background())
}

// Server answers the request of this process as a CGI script. A zero Server with an App works with
// every web server.
//
// # Standard input
//
// Apache sends the whole request body before it reads the response. So before the first byte of
// output, [Server.Serve] reads the unread rest of the body: up to CONTENT_LENGTH, or to the end of
// a chunked body. An App that is still running can read this rest later. It is kept in memory up to
// 1 MiB, and beyond that in an unnamed temporary file. MaxSpoolBytes bounds both together.
//
// Bytes above the bound are dropped, so that an App that never reads its body can still answer. An
// App that does read gets an error at the first missing byte. The client gets no 413 for it,
// because the head was sent before. An App that copies a large body to its response should read the
// body before it writes, or raise the bound.
//
// # Standard output and signals
//
// If the web server disconnects, the response ends without a message and without an error. SIGTERM
// ends the process as it does in any program. But if the App has called Done of its request's
// context, the first SIGTERM ends the context, and the second the process.
//
// # A response that fails late
//
// If a response fails after it has begun, the exit status is not zero. Among web servers only
// [Script] uses it. Script sets CGIKIT_STRICT_EXIT=1 in the environment of a script. Serve then
// adds the field "X-CGI-Strict-Exit: 1" to the head of its response, which Script removes. Any
// program may send that field. With other web servers the client sees a late failure only if the
// response has a Content-Length (lighttpd 1.4.69), or if the script is an nph script (lighttpd and
// Apache 2.4.71), whose last chunk is then missing: see NPH.
type Server struct {
	// App answers the request. It is called once, in the goroutine that called Serve. It must be
	// set.
	App gateway.App

	// MaxBodyBytes bounds the request body, in bytes. A larger one is answered 413. Zero and
	// negative mean no bound here; the web server has its own.
	MaxBodyBytes int64

	// Refused, if not nil, is called for a request that is answered without the App, with 400 or
	// 413.
	Refused func(*gateway.Refusal)

	// MaxSpoolBytes bounds how much of a body is kept for an App that begins to answer before it
	// has read the body, in bytes. Bytes above the bound are read and dropped; an App that reads so
	// far gets a *gateway.BodyTooLargeError. Zero means 64 MiB. Negative means that nothing is
	// kept.
	MaxSpoolBytes int64

	// NPH makes the response a complete HTTP response, which the web server passes on unchanged
	// (RFC 3875 section 5). It is implied if the script's file name begins with "nph-", as for
	// Apache and lighttpd.
	NPH bool
}

// defaultMaxSpool is large enough for usual uploads, and too small for a client to fill a file
// system by posting to a page that ignores the body.
const defaultMaxSpool = 64 << 20

// Serve reads one request from the process's environment and standard input, and answers it on
// standard output. ctx is the parent of the request's context, which SIGTERM ends too.
//
// It returns nil if the response is complete, error pages included, and if the web server has
// disconnected. After any other error the response is incomplete, and the program should exit with
// status 1; see [Server]. The failure of an App has been written to standard error by then. In a
// process that is not a CGI script the error wraps [ErrNotCGI].
//
// Serve removes the arguments from os.Args, because some web servers set them from the client's
// query (RFC 3875 section 4.4, CVE-2012-1823). It removes HTTP_PROXY from the process's
// environment, because it comes from the client too (CVE-2016-5386). A program that has arguments
// should use them after Serve has returned ErrNotCGI.
func (s *Server) Serve(ctx context.Context) error {
	environ := util.EnvironFromList(os.Environ())
	if environ.Get("REQUEST_METHOD") == "" {
		return fmt.Errorf("%w: REQUEST_METHOD is not set "+
			"(hint: put the program where the web server runs CGI scripts, or try it with REQUEST_METHOD=GET in its environment)", ErrNotCGI)
	}
	// os.Unsetenv makes the run time of a process 5 % longer, so call it only if needed
	if _, ok := environ.Lookup("HTTP_PROXY"); ok {
		os.Unsetenv("HTTP_PROXY")
	}
	program := forgetArguments()
	stdout, err := duplicate(stdoutNumber, os.Stdout)
	if err != nil {
		return fmt.Errorf("cgi: standard output: %w", err)
	}
	nph := s.NPH || isNPH(environ, program)
	return s.run(ctx, environ, nph, os.Stdin, stdout, &errorStream{})
}

// forgetArguments removes all but the program's name from os.Args, and returns the name.
func forgetArguments() string {
	if len(os.Args) == 0 {
		return ""
	}
	os.Args = os.Args[:1:1]
	return os.Args[0]
}

// isNPH reports whether the script's file name begins with "nph-". It uses the first name that is
// set. Apache uses SCRIPT_FILENAME, which is not a meta-variable of RFC 3875.
func isNPH(environ *util.Environ, program string) bool {
	name := cmp.Or(environ.Get("SCRIPT_FILENAME"), environ.Get("SCRIPT_NAME"), program)
	return strings.HasPrefix(filepath.Base(name), "nph-")
}

func (s *Server) run(ctx context.Context, environ *util.Environ, nph bool, stdin, stdout *os.File, stderr io.Writer) error {
	in := newInput(stdin, environ, cmp.Or(s.MaxSpoolBytes, defaultMaxSpool))
	defer in.close()
	out := &output{file: stdout, in: in}
	signalled := &signalContext{Context: ctx}
	defer signalled.stop()
	strict := environ.Get(strictVariable) == strictValue
	environ.Del(strictVariable) // not meant for the App
	h := gateway.BaseCGIHandler{
		Environ:      environ,
		Stdin:        in,
		Stdout:       out,
		Stderr:       stderr,
		Multiprocess: true,
		RunOnce:      true,
		MaxBodyBytes: s.MaxBodyBytes,
		Refused:      s.Refused,
		OriginServer: nph,
	}
	err := h.Run(signalled, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		in.wanted.Store(true)
		defer in.wanted.Store(false)
		if strict {
			w.Headers().Set(strictField, strictValue)
		}
		return s.App.ServeGateway(w, r)
	}))
	if gateway.PeerGone(out.lost) {
		return nil
	}
	return err
}
