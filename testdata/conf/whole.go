package conf

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
)

//go:embed whole/*.tmpl
var wholeFiles embed.FS

// Whole has the values of the texts that are not of a web server: php-fpm, systemd, Docker and
// Kubernetes. They use Network, Address, Dir, User, Group, SplitPath and Explain of Data too:
// Address is where php-fpm or the socket of systemd listens.
type Whole struct {
	Protocol string // systemd: "fastcgi", "scgi", "http" or "auto"
	Target   string // what cgikit serve answers with, or what a probe asks
	Probe    string // docker.serve: what the probe asks
	EnvFile  string // systemd: the file with the settings of cgikit serve, in the place of Target

	SocketUser, SocketGroup string // of a unix socket; php-fpm's default if empty
	SocketMode              string // of a unix socket, octal, such as "0660"
	WebUser, WebGroup       string // systemd: the web server's, which alone may use the socket of a user
	StatusAddress           string // php-fpm: where the status page listens
}

// WholeNames lists the texts of RenderWhole, in alphabetical order. Each names its program before
// the first ".".
func WholeNames() []string {
	entries, _ := wholeFiles.ReadDir("whole") // an embedded folder always exists
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".tmpl"))
	}
	slices.Sort(names)
	return names
}

// RenderWhole writes the text called name, such as "systemd.socket": a file as it is, or, for
// kubernetes.probes and php-fpm.pool, a part of one.
func RenderWhole(w io.Writer, name string, d Data) error {
	text, err := wholeText(name, d)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

func wholeText(name string, d Data) (string, error) {
	source, err := wholeFiles.ReadFile("whole/" + name + ".tmpl")
	if err != nil {
		return "", fmt.Errorf("conf: no text %q", name)
	}
	include := template.FuncMap{"include": wholeText, "lines": func(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }}
	t, err := template.New(name).Funcs(include).Parse(string(source))
	if err != nil {
		return "", fmt.Errorf("conf: %w", err)
	}
	var text strings.Builder
	if err := t.Execute(&text, d); err != nil {
		return "", fmt.Errorf("conf: %w", err)
	}
	return strings.TrimLeft(text.String(), "\n"), nil
}
