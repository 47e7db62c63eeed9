package request

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// writeOutNames are the variables of -w, with the names that curl has for them.
var writeOutNames = map[string]string{
	"status": "status", "http_code": "status", "response_code": "status",
	"exit_status": "exit_status", "protocol_status": "protocol_status",
	"time_connect": "time_connect",
	"time_head":    "time_head", "time_starttransfer": "time_head",
	"time_total": "time_total",
	"size":       "size", "size_download": "size",
	"stderr_size": "stderr_size",
}

const writeOutHint = "%{NAME} is status, exit_status, protocol_status, time_connect, time_head, time_total, size or stderr_size; curl's http_code, time_starttransfer and size_download are known too"

// checkFormat refuses a -w with a name that is not known.
func checkFormat(format string) error {
	_, err := expandFormat(format, func(string) string { return "" })
	return err
}

// expandFormat replaces each %{name}, %% and the escapes \n, \r, \t and \\.
func expandFormat(format string, value func(name string) string) (string, error) {
	var b strings.Builder
	for format != "" {
		i := strings.IndexAny(format, `%\`)
		if i < 0 || i == len(format)-1 {
			b.WriteString(format)
			break
		}
		b.WriteString(format[:i])
		text, rest, err := expandOne(format[i:], value)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		format = rest
	}
	return b.String(), nil
}

// expandOne replaces what format begins with: a percent sign or a backslash and at least one byte.
func expandOne(format string, value func(string) string) (text, rest string, err error) {
	if escape := strings.IndexByte(`nrt\`, format[1]); format[0] == '\\' && escape >= 0 {
		return "\n\r\t\\"[escape : escape+1], format[2:], nil
	}
	if format[:2] == "%%" {
		return "%", format[2:], nil
	}
	if format[:2] != "%{" {
		return format[:1], format[1:], nil
	}
	name, rest, ended := strings.Cut(format[2:], "}")
	if _, known := writeOutNames[name]; !ended || !known {
		return "", "", cli.Usage(fmt.Errorf("-w has no variable %.64q", name), writeOutHint)
	}
	return value(writeOutNames[name]), rest, nil
}

// outValue is the value of a variable of -w.
func (a *answer) outValue(name string) string {
	seconds := func(ms float64) string { return strconv.FormatFloat(ms/1000, 'f', 6, 64) }
	switch name {
	case "status":
		return fmt.Sprintf("%03d", a.code())
	case "exit_status":
		return strconv.Itoa(a.exit)
	case "protocol_status":
		return strconv.Itoa(a.protocol)
	case "time_connect":
		return seconds(milliseconds(a.tapped.connect))
	case "time_head":
		return seconds(milliseconds(a.head))
	case "time_total":
		return seconds(milliseconds(a.total))
	case "size":
		return strconv.FormatInt(a.size, 10)
	}
	return strconv.FormatInt(a.stderr.size, 10)
}
