package request

import (
	"context"
	"io"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// Request is one run of the verb: what is sent, where to, and how the answer is shown. The zero
// value of each field but Target and Streams is the default.
type Request struct {
	Target target.Target
	Path   string   // path and query, percent-encoded; empty is "/"
	Args   []string // of XMLRPC or JSONRPC, as words
	Streams
	Content
	Variables
	Gateway
	Show
}

// Streams are what the verb reads and writes.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Colours        cli.Palette // of Stderr
}

// Content is the request as HTTP has it.
type Content struct {
	Method  string   // empty is GET, POST with a body, HEAD with HeadOnly
	Fields  []string // "Name: value"; "Name:" removes a field
	Data    []Datum  // joined by &
	Form    []string // "name=value", "name=@file", "name=<file"
	InQuery bool     // Data goes into the query
	Agent   string   // User-Agent
	Cookie  string   // "name=value; name=value"
	User    string   // "name:password", for HTTP's Basic scheme
	PHP     string   // code, or "@file": an own script in TempDir
	TempDir string   // empty is the system's
	XMLRPC  string   // a method, with Args
	JSONRPC string   // a method, with Args
}

// Variables say which meta-variables are sent.
type Variables struct {
	Root           string  // the document root; empty is the working folder
	ScriptFilename string  // SCRIPT_FILENAME
	ScriptName     *string // SCRIPT_NAME; nil is found in the path
	PathInfo       *string // PATH_INFO; nil is what follows SCRIPT_NAME in the path
	As             string  // the server whose environ is sent: "nginx", "apache2-plain"
	Env            []string
	EnvFiles       []string
}

// Gateway says how the protocol is used.
type Gateway struct {
	Role           string // "responder", "authorizer" or "filter"; empty is responder
	NoKeepConn     bool   // each exchange of Repeat has a connection of its own
	Repeat         int    // zero is once
	ConnectTimeout time.Duration
	Timeout        time.Duration // of the whole, for the text of its error: the context ends it
	RunAs          string        // the user of a CGI script
	Values         bool          // ask for FCGI_GET_VALUES in place of a request
}

// Show says what is shown, and where.
type Show struct {
	HeadOnly    bool   // a HEAD request, its head shown
	Include     bool   // the head before the body
	Output      string // a file for the body; empty is Stdout
	Silent      bool   // nothing on Stderr
	Quiet       bool   // nothing on Stdout
	Fail        bool   // a status of 400 or more is an error
	Verbose     int
	ShowSecrets bool
	JSON        bool
	WriteOut    string // after the answer, with %{name} replaced
	DryRun      bool   // the variables in place of the answer
	Explain     bool   // the variables with where they come from, in place of the answer
	Print       string // "shell": the command line of another tool, in place of the answer
}

// Exit statuses beside those of package cli, which are curl's.
const (
	StatusNoConnection = 7  // or the script cannot be started
	StatusNotProtocol  = 8  // another protocol, or a head that is not valid
	StatusCutOff       = 18 // a part of the answer came
	StatusHTTPError    = 22 // a status of 400 or more, with Fail
	StatusWriteFailed  = 23 // the output took no more
	StatusTimedOut     = 28
	StatusNothingCame  = 52 // the connection ended, or the request was refused, without an answer
)

// Run does what the fields ask for. The context ends it. An error has an exit status and, where the
// cause is known, a hint. A temporary file is removed before Run returns.
func (r *Request) Run(ctx context.Context) error {
	err := r.run(ctx)
	if err != nil && r.Silent && cli.Status(err) != cli.StatusUsage {
		return cli.Exit(cli.Status(err))
	}
	return err
}

func (r *Request) run(ctx context.Context) error {
	if err := r.check(); err != nil {
		return err
	}
	if r.Values {
		return r.fetchValues(ctx)
	}
	cleanUp, err := r.prepare()
	if err != nil {
		return err
	}
	defer cleanUp()
	m, err := r.newMessage(ctx)
	if err != nil {
		return err
	}
	defer m.body.close()
	if r.DryRun || r.Explain || r.Print != "" {
		return r.describe(m)
	}
	return r.send(ctx, m)
}
