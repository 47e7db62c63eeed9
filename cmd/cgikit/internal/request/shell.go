package request

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// shellLine is the command line by which other tools send the same request: the script itself,
// cgi-fcgi, nc or curl.
func (m *message) shellLine() (string, error) {
	in, err := m.shellBody()
	if err != nil {
		return "", err
	}
	t := m.request.Target
	if t.Protocol == "cgi" {
		return m.scriptLine(in)
	}
	network, address := t.Place()
	switch t.Protocol {
	case "fastcgi":
		return in.before + m.shellEnv() + " cgi-fcgi -bind -connect " + quoteShell(address) + in.after, nil
	case "scgi":
		return m.netcatLine(network, address, in), nil
	}
	return m.curlLine(network, address, in), nil
}

// scriptLine runs a CGI script in its folder.
func (m *message) scriptLine(in shellInput) (string, error) {
	path := m.request.scriptPath()
	if isFolder(path) {
		return "", cli.Usage(errors.New("--print shell finds no script in the folder"), "PATH begins with the name of a script")
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, name := filepath.Split(full)
	return "cd " + quoteShell(dir) + " && " + in.before + m.shellEnv() + ` PATH="$PATH" ` + quoteShell("./"+name) + in.after, nil
}

func (m *message) shellEnv() string {
	var b strings.Builder
	b.WriteString("env -i")
	for _, v := range m.environ {
		b.WriteString(" " + v.name + "=" + quoteShell(m.request.mask(v.name, v.value)))
	}
	return b.String()
}

// shellInput is how a command line gets a body: what stands before the command, and after it.
type shellInput struct{ before, after string }

// maxShellBody bounds a body in a command line, in bytes: Linux takes 128 KiB in one argument.
const maxShellBody = 32 << 10

func (m *message) shellBody() (in shellInput, err error) {
	if m.body == nil {
		return in, nil
	}
	if len(m.body.parts) == 1 && m.body.parts[0].file != "" {
		full, err := filepath.Abs(m.body.parts[0].file)
		return shellInput{after: " <" + quoteShell(full)}, err
	}
	if m.body.size() > maxShellBody {
		return in, cli.Usage(fmt.Errorf("--print shell cannot show a body of %d bytes", m.body.size()), "--data-binary @FILE names the file in the line")
	}
	text, err := m.body.text()
	return shellInput{before: "printf " + quoteShell(escapePrintf(text)) + " | "}, err
}

// netcatLine sends an SCGI request as a netstring.
func (m *message) netcatLine(network, address string, in shellInput) string {
	size := int64(0)
	if m.body != nil {
		size = m.body.size()
	}
	block := "CONTENT_LENGTH\x00" + strconv.FormatInt(size, 10) + "\x00SCGI\x001\x00"
	for _, v := range m.environ {
		if v.name != "CONTENT_LENGTH" && v.name != "SCGI" {
			block += v.name + "\x00" + m.request.mask(v.name, v.value) + "\x00"
		}
	}
	command := "nc -U " + quoteShell(address)
	if network == "tcp" {
		host, port, _ := net.SplitHostPort(address)
		command = "nc " + quoteShell(host) + " " + port
	}
	printf := "printf " + quoteShell(escapePrintf(strconv.Itoa(len(block))+":"+block+","))
	if m.body != nil {
		printf = "{ " + printf + "; " + in.before + "cat" + in.after + "; }"
	}
	return printf + " | " + command
}

// escapePrintf writes what printf(1) would take for something else as octal numbers.
func escapePrintf(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '%':
			b.WriteString("%%")
		case c < ' ' || c >= 0x7f || c == '\\':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// curlLine asks an HTTP server.
func (m *message) curlLine(network, address string, in shellInput) string {
	line := in.before + "curl -i -X " + quoteShell(m.method)
	host := address
	if network == "unix" {
		line += " --unix-socket " + quoteShell(address)
		host = "localhost"
	}
	for _, f := range m.fields {
		line += " -H " + quoteShell(f.Name+": "+m.request.mask(f.Name, f.Value))
	}
	if m.body != nil {
		line += " --data-binary @-"
	}
	return line + " " + quoteShell("http://"+host+m.location.target) + in.after
}

// quoteShell quotes s for a shell, where that is needed.
func quoteShell(s string) string {
	plain := func(c rune) bool {
		return c < 0x80 && (c == '_' || c == '-' || c == '.' || c == '/' || c == ':' || c == ',' || c == '@' || c == '+' ||
			c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
