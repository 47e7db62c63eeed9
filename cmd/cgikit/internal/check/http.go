package check

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

// ParseURL returns the target and the mount of a URL with the scheme http, under which a web server
// has the application of Echo. An error is a usage error.
func ParseURL(text string) (t target.Target, mount string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" {
		return t, "", cli.Usage(fmt.Errorf("%.200q is no URL of http", text), "such as http://127.0.0.1:8080/app")
	}
	port := 80
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return t, "", cli.Usage(fmt.Errorf("%.200q has no port that can be called", text), "such as http://127.0.0.1:8080/app")
		}
	}
	address := listen.Address{Protocol: "http", Network: "tcp", Host: u.Hostname(), Port: uint16(port)}
	return target.Target{Address: address, Name: text}, strings.TrimSuffix(u.EscapedPath(), "/"), nil
}

// httpRequest is the head of a request to a page below the mount, without its empty line.
func (p *probe) httpRequest(method, page string, fields ...string) string {
	_, host := p.run.Target.Place()
	head := method + " " + p.run.Mount + page + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head
}

// sendHTTP sends a request with a body, which may be nil, and reads the whole response.
func (p *probe) sendHTTP(method, page string, body []byte, fields ...string) (*http.Response, []byte, error) {
	if body != nil {
		fields = append(fields, "Content-Length: "+strconv.Itoa(len(body)))
	}
	return p.fetchHTTP(method, append([]byte(p.httpRequest(method, page, fields...)+"\r\n"), body...))
}

// fetchHTTP sends bytes beside the reading, and reads the whole response.
func (p *probe) fetchHTTP(method string, b []byte) (*http.Response, []byte, error) {
	c, err := p.dial()
	if err != nil {
		return nil, nil, err
	}
	done := c.sendBeside(b)
	defer func() { c.Close(); <-done }()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return nil, nil, c.describe(err, "the head of the response")
	}
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp, content, c.describe(err, "the end of the response")
	}
	return resp, content, nil
}

// fetchPlainHTTP sends a request of another protocol's form to the web server.
func (p *probe) fetchPlainHTTP(q request) ([]byte, error) {
	vars := map[string]string{}
	for _, v := range q.vars {
		vars[v.Name] = v.Value
	}
	resp, body, err := p.sendHTTP(vars["REQUEST_METHOD"], vars["REQUEST_URI"], q.body)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "Status: %d\r\n\r\n%s", resp.StatusCode, body), nil
}

// variables are those of the page /vars with a query and fields.
func (p *probe) variables(query string, fields ...string) (map[string]string, error) {
	_, body, err := p.sendHTTP("GET", "/vars"+query, nil, fields...)
	if err != nil {
		return nil, err
	}
	vars, ok := parseVars(body)
	if !ok {
		return nil, broken("the page /vars begins with %.60q, and is not that of the echo application", body)
	}
	return vars, nil
}

// parseVars reads the page /vars. It reports false for any other page.
func parseVars(page []byte) (map[string]string, bool) {
	vars := map[string]string{}
	for line := range bytes.Lines(page) {
		name, value, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "=")
		value, err := url.PathUnescape(value)
		if !ok || err != nil {
			return nil, false
		}
		vars[name] = value
	}
	return vars, vars["REQUEST_METHOD"] != ""
}
