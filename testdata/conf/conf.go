// Package conf holds the web-server configurations that cgikit's tests run behind, and that users
// are shown.
//
// A configuration has two texts. The protocol file, <server>-<transport>.tmpl, is what a user
// copies: how this server reaches an application over this protocol. The frame, <server>.tmpl, is
// the rest of a complete server that runs in the foreground, on one loopback port, inside one
// folder. They are one rendered text in the tests, so what is shown is what is known to work.
//
// The package is in testdata because only a package beside the files can embed them.
package conf

import (
	"embed"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

// Data is what the templates may ask for. Each template uses the fields its protocol needs; the
// others are not looked at.
type Data struct {
	Listen string // host:port on which the web server listens
	// folder, writable by User, for everything the server writes: pid, logs, temporary files
	Dir string
	// path prefix of the application: "" or like "/app", without a slash at the end
	Mount   string
	Network string // how the application is reached: "tcp" or "unix"
	Address string // host:port or the socket's path
	// path of the CGI program, or of the FastCGI program that the server is to start
	Program string
	Env     map[string]string // environment for Program, besides what the protocol gives it

	// those of the application, in place of Network and Address, for configurations that balance
	Processes []Process

	Stock    bool // nginx: only the parameters of the distribution's own file
	Buffered bool // leave the server's own buffering as it is instead of streaming both ways

	BufferRequest, BufferResponse bool // nginx: Buffered in one direction only

	// nginx, apache2: leave how the server reads a path as it is by default, instead of the path as
	// it was sent
	OwnPaths bool
	// nginx and HAProxy: keep FastCGI connections to the application; HAProxy multiplexes them
	KeepAlive bool

	// nginx and lighttpd: a folder whose files a response may name, to be sent in its place
	Offload string

	User, Group string // whom the workers run as; empty when the server is not started by root
	Include     string // nginx: the folder of its stock parameter files
	Modules     string // apache2: the folder of its modules
}

// Process is one process of an application that has several. Both addresses are host:port.
type Process struct {
	Address string // where it takes requests
	Health  string // where HAProxy asks for /healthz over HTTP
}

// Server is the name of the server for which the configuration called name is written: "nginx" for
// "nginx-fastcgi".
func Server(name string) string {
	server, _, _ := strings.Cut(name, "-")
	return server
}

// Names lists the configurations, such as "nginx-fastcgi", in alphabetical order. Each names its
// server before the first "-".
func Names() []string {
	entries, _ := files.ReadDir(".") // an embedded folder is always there
	var names []string
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".tmpl"); strings.Contains(name, "-") {
			names = append(names, name)
		}
	}
	slices.Sort(names) // the suffix sorts behind "-"
	return names
}

// Render writes the complete configuration called name.
func Render(w io.Writer, name string, d Data) error {
	return render(w, name, d, false)
}

// RenderProtocol writes the protocol file of the configuration called name alone. A part of it that
// belongs in another section of the server's configuration, as nginx's upstream does, goes first.
func RenderProtocol(w io.Writer, name string, d Data) error {
	return render(w, name, d, true)
}

func render(w io.Writer, name string, d Data, alone bool) error {
	set, err := parse(name)
	if err != nil {
		return err
	}
	start := Server(name)
	if alone {
		start = "alone"
	}
	if err := set.ExecuteTemplate(w, start, d); err != nil {
		return fmt.Errorf("conf: %w", err)
	}
	return nil
}

// parse returns the templates of a configuration: the frame by the name of the server, "protocol",
// and "alone", which is all of the protocol file. An "upstream" that a protocol file defines takes
// the place of the empty one here, which frames ask for.
func parse(name string) (*template.Template, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("conf: no configuration %q", name)
	}
	set := template.New("").Funcs(template.FuncMap{"host": host, "port": port, "quote": regexp.QuoteMeta})
	template.Must(set.New("alone").Parse(`{{block "upstream" .}}{{end}}{{template "protocol" .}}`))
	for as, file := range map[string]string{Server(name): Server(name), "protocol": name} {
		text, err := files.ReadFile(file + ".tmpl")
		if err != nil {
			return nil, fmt.Errorf("conf: %w", err)
		}
		if _, err := set.New(as).Parse(string(text)); err != nil {
			return nil, fmt.Errorf("conf: %w", err)
		}
	}
	return set, nil
}

func host(address string) (string, error) {
	h, _, err := net.SplitHostPort(address)
	return h, err
}

func port(address string) (string, error) {
	_, p, err := net.SplitHostPort(address)
	return p, err
}
