// Package conf has the web-server configurations that the tests of cgikit use and that users can
// copy.
//
// A configuration has two texts. The protocol file, <server>-<transport>.tmpl, is the part that a
// user copies: it connects this server to an application over this protocol. The frame,
// <server>.tmpl, is the rest of a complete configuration, for a server that runs in the foreground,
// on one loopback port, inside one folder. The tests render both into one text, so the part to copy
// is tested.
//
// The package lies in testdata because a package can embed only files of its own folder.
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

// Data has the values of the templates. Each template uses the fields that its protocol needs.
type Data struct {
	Listen string // host:port on which the web server listens
	// folder, writable by User, for everything the server writes: pid, logs, temporary files
	Dir string
	// path prefix of the application: "" or like "/app", without a slash at the end
	Mount   string
	Network string // network of the application: "tcp" or "unix"
	Address string // host:port or the socket's path
	// path of the CGI program, or of the FastCGI program that the server starts
	Program string
	Env     map[string]string // what the server adds to the environment of Program

	// processes of the application, in place of Network and Address, for configurations that
	// balance the load
	Processes []Process

	Stock    bool // nginx: only the parameters of the distribution's own file
	Buffered bool // keep the server's default buffering, instead of streaming both ways

	BufferRequest, BufferResponse bool // nginx: Buffered in one direction only

	// nginx, apache2: keep the server's default interpretation of paths, instead of passing them as
	// sent
	OwnPaths bool
	// nginx and HAProxy: keep FastCGI connections to the application; HAProxy multiplexes them
	KeepAlive bool

	// nginx and lighttpd: a folder from which the server sends a file that a response names
	Offload string

	User, Group string // user and group of the workers; empty unless root starts the server
	Include     string // nginx: the folder of its stock parameter files
	Modules     string // apache2: the folder of its modules

	// the folder of a site in PHP, absolute, for configurations that end in "-php"
	Root      string
	SplitPath []string // extensions of the scripts in Root, such as ".php"; at least one

	ServerName string // the name of the web server; "" is the host of Listen
	Explain    bool   // write a comment for each line that people get wrong

	Whole // only for the texts of WholeNames
}

// Process is one process of an application that has several. Both addresses are host:port.
type Process struct {
	Address string // of its FastCGI listener
	Health  string // where HAProxy requests /healthz over HTTP
}

// Server returns the name of the server of the configuration called name: "nginx" for
// "nginx-fastcgi".
func Server(name string) string {
	server, _, _ := strings.Cut(name, "-")
	return server
}

// Names lists the configurations, such as "nginx-fastcgi", in alphabetical order. Each names its
// server before the first "-".
func Names() []string {
	entries, _ := files.ReadDir(".") // an embedded folder always exists
	var names []string
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".tmpl"); strings.Contains(name, "-") {
			names = append(names, name)
		}
	}
	slices.Sort(names) // the suffix sorts after "-"
	return names
}

// Render writes the complete configuration called name.
func Render(w io.Writer, name string, d Data) error {
	return render(w, name, d, false)
}

// RenderProtocol writes the protocol file of the configuration called name alone. A part that
// belongs in another section of the server's configuration, such as nginx's upstream, comes first,
// and before it a comment with the modules that Apache needs for it.
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
		if err := writeModules(w, set, d); err != nil {
			return err
		}
	}
	if err := set.ExecuteTemplate(w, start, d); err != nil {
		return fmt.Errorf("conf: %w", err)
	}
	return nil
}

// parse returns the templates of a configuration. The frame has the name of the server. "protocol"
// is the protocol file, and "alone" is that file with its "upstream" before it, and with "global",
// which a frame may define for itself and for "alone". Frames include "upstream", which is empty
// unless the protocol file defines it, and Apache's includes "modules".
func parse(name string) (*template.Template, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("conf: no configuration %q", name)
	}
	set := template.New("").Funcs(functions)
	template.Must(set.New("alone").Parse(`{{block "upstream" .}}{{end}}{{block "global" .}}{{end}}{{template "protocol" .}}`))
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

// writeModules names the modules that the protocol file of Apache needs besides those of every
// Apache, as the argument of Debian's a2enmod.
func writeModules(w io.Writer, set *template.Template, d Data) error {
	if set.Lookup("modules") == nil {
		return nil
	}
	var lines strings.Builder
	if err := set.ExecuteTemplate(&lines, "modules", d); err != nil {
		return fmt.Errorf("conf: %w", err)
	}
	text := "# This needs: a2enmod"
	for _, module := range regexp.MustCompile(`/mod_(\w+)\.so`).FindAllStringSubmatch(lines.String(), -1) {
		if !strings.HasPrefix(module[1], "mpm_") {
			text += " " + module[1]
		}
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

var functions = template.FuncMap{
	"host": host, "port": port, "quote": regexp.QuoteMeta, "alternatives": alternatives, "indexes": indexes,
	"bracket": bracket, "name": serverName,
}

// alternatives is a regular expression for the given texts.
func alternatives(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = regexp.QuoteMeta(text)
	}
	return strings.Join(quoted, "|")
}

// indexes are the files that answer for their folder: one for each extension, then index.html.
func indexes(extensions []string) []string {
	var names []string
	for _, extension := range extensions {
		names = append(names, "index"+extension)
	}
	return append(names, "index.html")
}

// bracket writes an IPv6 address as a URL has it.
func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// serverName is an address as the name of Apache, which cannot be an IPv6 address.
func serverName(address string) (string, error) {
	h, p, err := net.SplitHostPort(address)
	if strings.Contains(h, ":") {
		return "localhost:" + p, err
	}
	return address, err
}

func host(address string) (string, error) {
	h, _, err := net.SplitHostPort(address)
	return h, err
}

func port(address string) (string, error) {
	_, p, err := net.SplitHostPort(address)
	return p, err
}
