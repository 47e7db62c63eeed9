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

// ErrNotCGI is wrapped by what Serve returns in a process that no web server started as a CGI
// script.
var ErrNotCGI = errors.New("cgi: not started by a web server")

// Serve answers the one request for which a web server started this process. It is the short form
// of [Server.Serve], with the zero values of [Server] and a context that only SIGTERM ends.
func Serve(app gateway.App) error {
	s := Server{App: app}
	return s.Serve(context.Background())
}

// Server is this process as a CGI script. Its zero value, with an App, is right for every web
// server.
//
// # Standard input
//
// Apache sends the whole request body before it reads the response. So [Server.Serve], before the
// first byte of output, reads what the App has left of the body: up to CONTENT_LENGTH, or to the
// end for a chunked body. An App that is still running may read on. What it has not read by then
// waits in memory, and from the second MiB on in a temporary file without a name; MaxSpoolBytes
// bounds the two together.
//
// Bytes over the bound are dropped, so that an App that never reads its body can answer all the
// same. An App that does read gets an error at the first byte that is missing. The client gets no
// 413 for it, because the head is sent by then. An App that streams a large body through should
// read it before it writes, or raise the bound.
//
// # Standard output and signals
//
// A web server that goes away ends the response without a message and without an error. SIGTERM
// ends the process as in any program, unless the App has asked for the Done channel of its
// request's context: then the first SIGTERM ends the context, and the second the process.
//
// # A response that fails late
//
// The exit status tells that a response, though begun, is not complete. Of the web servers only
// [Script] reads it. It sets CGIKIT_STRICT_EXIT=1 in the environment of a script; Serve then adds
// the field "X-CGI-Strict-Exit: 1" to the head of its response, which Script removes. Any program
// may send that field. With other web servers the client sees a late failure only where the
// response has a Content-Length (lighttpd 1.4.69), or where the script is an nph one (lighttpd,
// and Apache 2.4.71 too), whose chunks then lack their end: see NPH.
type Server struct {
	// App answers the request. It is called once, in the goroutine that called Serve. It must be
	// set.
	App gateway.App

	// MaxBodyBytes bounds the request body, in bytes: a larger one is answered 413. Zero and
	// negative mean no bound of our own; the web server has one.
	MaxBodyBytes int64

	// Refused, if not nil, is told of a request that is answered without the App: 400 or 413.
	Refused func(*gateway.Refusal)

	// MaxSpoolBytes bounds how much of a body is kept for an App that begins to answer before it
	// has read it, in bytes. What is over the bound is read and dropped; an App that reads on gets
	// a *gateway.BodyTooLargeError there. Zero means 64 MiB, negative nothing at all.
	MaxSpoolBytes int64

	// NPH makes the response a complete HTTP response, which the web server hands on as it is (RFC
	// 3875 section 5). It is set by itself where the script's file name begins with "nph-", which
	// is how Apache and lighttpd tell.
	NPH bool
}

// defaultMaxSpool keeps the uploads people make, and lets a stranger who posts to a static page
// fill no file system.
const defaultMaxSpool = 64 << 20

// Serve answers one request, read from the process's environment and standard input, to its
// standard output. ctx is the parent of the request's context, which SIGTERM ends too.
//
// It returns nil when the response is complete, error pages included, and when the web server went
// away. With any other error the program should exit with status 1, since the response is not
// complete; see [Server]. Why an App failed has been written to standard error by then. In a
// process that is not a CGI script the error wraps [ErrNotCGI].
//
// It removes the arguments from os.Args, which under some web servers are the client's query (RFC
// 3875 section 4.4, CVE-2012-1823), and HTTP_PROXY from the process's environment, which is the
// client's too (CVE-2016-5386). A program that looks at its arguments should do so when Serve has
// returned ErrNotCGI.
func (s *Server) Serve(ctx context.Context) error {
	environ := util.EnvironFromList(os.Environ())
	if environ.Get("REQUEST_METHOD") == "" {
		return fmt.Errorf("%w: REQUEST_METHOD is not set "+
			"(hint: put the program where the web server runs CGI scripts, or try it with REQUEST_METHOD=GET in its environment)", ErrNotCGI)
	}
	// os.Unsetenv by itself makes a process 5 % longer
	if _, ok := environ.Lookup("HTTP_PROXY"); ok {
		os.Unsetenv("HTTP_PROXY")
	}
	program := forgetArguments()
	stdout, err := claim(stdoutNumber, os.Stdout)
	if err != nil {
		return fmt.Errorf("cgi: standard output: %w", err)
	}
	nph := s.NPH || isNPH(environ, program)
	return s.run(ctx, environ, nph, os.Stdin, stdout, &errorStream{})
}

// forgetArguments leaves the program's name in os.Args and returns it.
func forgetArguments() string {
	if len(os.Args) == 0 {
		return ""
	}
	os.Args = os.Args[:1:1]
	return os.Args[0]
}

// isNPH goes by the first name there is. SCRIPT_FILENAME is what Apache decides by; it is no
// meta-variable of RFC 3875, though.
func isNPH(environ *util.Environ, program string) bool {
	name := cmp.Or(environ.Get("SCRIPT_FILENAME"), environ.Get("SCRIPT_NAME"), program)
	return strings.HasPrefix(filepath.Base(name), "nph-")
}

func (s *Server) run(ctx context.Context, environ *util.Environ, nph bool, stdin, stdout *os.File, stderr io.Writer) error {
	in := newInput(stdin, environ, cmp.Or(s.MaxSpoolBytes, defaultMaxSpool))
	defer in.close()
	out := &output{file: stdout, in: in}
	signalled := &signalContext{Context: ctx}
	defer signalled.end()
	strict := environ.Get(strictVariable) == strictValue
	environ.Del(strictVariable) // it is between Script and this process
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
