package request

import (
	"fmt"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// mask is the value of a field or a variable as it may be shown.
func (r *Request) mask(name, value string) string {
	if r.ShowSecrets {
		return value
	}
	return cli.Mask(name, value)
}

// showConnection tells of a connection, and what is sent over it.
func (x *exchanger) showConnection(address string, took time.Duration) {
	if x.request.Verbose > 0 {
		x.request.logLine(cli.Dim, fmt.Sprintf("* connected to %s (%.1f ms)", address, milliseconds(took)))
	}
	x.showMessage()
}

// showMessage tells what is sent: one line, or with -vv all of them.
func (x *exchanger) showMessage() {
	r := x.request
	if r.Verbose == 0 {
		return
	}
	lines := x.lines()
	if r.Verbose == 1 {
		first := x.mainLine(lines)
		if more := len(lines) - 1; more > 0 {
			first += fmt.Sprintf("        (%d more: -vv)", more)
		}
		lines = []string{first}
	}
	for _, line := range lines {
		r.logLine(cli.Cyan, "> "+exchange.Printable(line))
	}
	if x.body != nil {
		r.logLine(cli.Cyan, fmt.Sprintf("> body of %d bytes", x.body.size()))
	}
}

// lines are the variables, or the head of an HTTP request.
func (x *exchanger) lines() (lines []string) {
	if x.request.Target.Protocol != "http" {
		for _, v := range x.environ {
			lines = append(lines, v.name+"="+x.request.mask(v.name, v.value))
		}
		return lines
	}
	lines = append(lines, x.method+" "+x.location.target+" HTTP/1.1")
	for _, f := range x.fields {
		lines = append(lines, f.Name+": "+x.request.mask(f.Name, f.Value))
	}
	return lines
}

// mainLine is the line that says most about where a request goes.
func (x *exchanger) mainLine(lines []string) string {
	for _, name := range []string{"SCRIPT_FILENAME=", "REQUEST_URI="} {
		for _, line := range lines {
			if strings.HasPrefix(line, name) {
				return line
			}
		}
	}
	return append(lines, "")[0]
}

// showHead tells the head with -v, and writes it with -i.
func (x *exchanger) showHead(a *answer) error {
	r := x.request
	lines := headLines(a, r.Target.Protocol)
	if r.Verbose > 0 {
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			if value != "" {
				line = name + ": " + r.mask(name, value)
			}
			r.logLine(cli.Green, "< "+exchange.Printable(line))
		}
	}
	if !r.Include && !r.HeadOnly {
		return nil
	}
	return x.output.write([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), x.discards(a))
}

// headLines are the lines of a head: Status and the fields as a gateway sends them, or as HTTP
// does.
func headLines(a *answer, protocol string) (lines []string) {
	switch {
	case protocol == "http":
		lines = append(lines, "HTTP/1.1 "+a.status)
	case a.status != "":
		lines = append(lines, "Status: "+a.status)
	}
	for name, value := range a.fields.All() {
		lines = append(lines, name+": "+value)
	}
	return lines
}

// showEnd tells how the exchange has ended.
func (x *exchanger) showEnd(a *answer) {
	if x.request.Verbose == 0 {
		return
	}
	text := "complete"
	switch {
	case a.protocol != unknownStatus:
		name := strings.TrimPrefix(wire.ProtocolStatus(a.protocol).String(), "FCGI_")
		text = fmt.Sprintf("END_REQUEST appStatus %d, %s", a.exit, name)
	case x.request.Target.Protocol == "cgi" && a.exit != unknownStatus:
		text = fmt.Sprintf("exit status %d", a.exit)
	}
	x.request.logLine(cli.Dim, fmt.Sprintf("* %s; head after %.1f ms, whole after %.1f ms", text, milliseconds(a.head), milliseconds(a.total)))
}
