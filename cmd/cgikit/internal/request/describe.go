package request

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// describe shows what would be sent, and sends nothing.
func (r *Request) describe(m *message) error {
	switch {
	case r.Quiet:
		return nil
	case r.Print != "":
		line, err := m.shellLine()
		if err == nil {
			_, err = fmt.Fprintln(r.Stdout, line)
		}
		return err
	case r.Explain:
		return r.explain(m)
	case r.JSON:
		return writeJSON(r.Stdout, m.jsonMessage())
	}
	lines := (&exchanger{message: m}).lines()
	if _, err := io.WriteString(r.Stdout, strings.Join(lines, "\n")+"\n"); err != nil || m.body == nil {
		return err
	}
	r.logLine("", fmt.Sprintf("and a body of %d bytes, %s", m.body.size(), m.body.contentType))
	return nil
}

// explain shows each variable with the reason for its value and its meaning.
func (r *Request) explain(m *message) error {
	if r.JSON {
		return writeJSON(r.Stdout, m.jsonMessage())
	}
	w := tabwriter.NewWriter(r.Stdout, 0, 8, 2, ' ', 0)
	for _, v := range m.environ {
		fmt.Fprintf(w, "%s=%s\t%s\t%s\n", v.name, r.mask(v.name, v.value), v.source, meaning(v.name))
	}
	return w.Flush()
}

// jsonMessage is what is sent, as JSON.
type jsonMessage struct {
	Target    string         `json:"target"`
	Method    string         `json:"method"`
	URI       string         `json:"uri"`
	Variables []jsonVariable `json:"variables,omitempty"`
	Fields    [][2]string    `json:"fields"`
	BodySize  int64          `json:"body_size"`
}

type jsonVariable struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

func (m *message) jsonMessage() jsonMessage {
	j := jsonMessage{Target: m.request.Target.Name, Method: m.method, URI: m.location.target}
	for _, v := range m.environ {
		j.Variables = append(j.Variables, jsonVariable{v.name, m.request.mask(v.name, v.value), v.source})
	}
	for _, f := range m.fields {
		j.Fields = append(j.Fields, [2]string{f.Name, m.request.mask(f.Name, f.Value)})
	}
	if m.body != nil {
		j.BodySize = m.body.size()
	}
	return j
}

// meanings are what the variables mean, with the section of RFC 3875 where it has them.
var meanings = map[string]string{
	"QUERY_STRING":      "after the ? of the URL, percent-encoded (RFC 3875 4.1.7)",
	"REQUEST_METHOD":    "4.1.12",
	"CONTENT_TYPE":      "of the body (4.1.3)",
	"CONTENT_LENGTH":    "of the body, in bytes (4.1.2)",
	"SCRIPT_FILENAME":   "the file that PHP and fcgiwrap run; of no specification",
	"SCRIPT_NAME":       "the part of the path that names the script (4.1.13)",
	"PATH_INFO":         "the part of the path after the script, decoded (4.1.5)",
	"PATH_TRANSLATED":   "PATH_INFO as a file below the document root (4.1.6)",
	"REQUEST_URI":       "path and query as the client sent them",
	"DOCUMENT_URI":      "nginx: the decoded path",
	"DOCUMENT_ROOT":     "the folder of the site's files",
	"SERVER_PROTOCOL":   "4.1.16",
	"REQUEST_SCHEME":    "http or https",
	"HTTPS":             "on, for https",
	"GATEWAY_INTERFACE": "4.1.4",
	"SERVER_SOFTWARE":   "4.1.17",
	"REMOTE_ADDR":       "the client's address (4.1.8)",
	"REMOTE_PORT":       "the client's port",
	"REMOTE_USER":       "the user that the web server has checked (4.1.11)",
	"AUTH_TYPE":         "how it has checked the user (4.1.1)",
	"SERVER_ADDR":       "the web server's address",
	"SERVER_PORT":       "4.1.15",
	"SERVER_NAME":       "4.1.14",
	"REDIRECT_STATUS":   "php-cgi runs nothing without it (cgi.force_redirect)",
	"SCGI":              "SCGI section 4",
}

func meaning(name string) string {
	if text, ok := meanings[name]; ok {
		return text
	}
	if field, ok := strings.CutPrefix(name, "HTTP_"); ok {
		return "the field " + strings.ReplaceAll(strings.ToLower(field), "_", "-") + " of the request (4.1.18)"
	}
	return ""
}
