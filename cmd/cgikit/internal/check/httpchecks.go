package check

import (
	"bytes"
	"net"
	"strconv"
	"strings"
)

// httpChecks are those of a web server in front of the application of Echo.
var httpChecks = []Check{
	{"C1.1", "http.variables", Must, "sets QUERY_STRING to the query as it was sent", "RFC 3875 section 4.1.7", false, setsVariable("?a=%20b&c", "", "QUERY_STRING", "a=%20b&c")},
	{"C1.2", "http.variables", Must, "sets an empty QUERY_STRING without a query", "RFC 3875 section 4.1.7", false, setsEmptyQuery},
	{"C2.1", "http.variables", Must, "sets REQUEST_METHOD", "RFC 3875 section 4.1.12", false, setsVariable("", "", "REQUEST_METHOD", "GET")},
	{"C4.1", "http.variables", Must, "sets SERVER_NAME, without a port", "RFC 3875 section 4.1.14", false, setsServerName},
	{"C5.1", "http.variables", Must, "sets SERVER_PORT to a number", "RFC 3875 section 4.1.15", false, setsServerPort},
	{"C6.1", "http.variables", Must, "sets SERVER_PROTOCOL to HTTP/1.1", "RFC 3875 section 4.1.16", false, setsVariable("", "", "SERVER_PROTOCOL", "HTTP/1.1")},
	{"C8.1", "http.variables", Must, "sets GATEWAY_INTERFACE to CGI/1.1", "RFC 3875 section 4.1.4", false, setsVariable("", "", "GATEWAY_INTERFACE", "CGI/1.1")},
	{"C9.1", "http.variables", Must, "sets REMOTE_ADDR to the client's address, without a port", "RFC 3875 section 4.1.8", false, setsRemoteAddr},
	{"C12.1", "http.variables", Must, "sets no CONTENT_LENGTH above 0 without a body", "RFC 3875 section 4.1.2", false, setsNoLength},
	{"C14.1", "http.variables", Must, "invents no CONTENT_TYPE", "RFC 3875 section 4.1.3", false, setsVariable("", "", "CONTENT_TYPE", "")},
	{"C15.1", "http.variables", Must, "decodes PATH_INFO", "RFC 3875 section 4.1.5", false, decodesPath},
	{"C18.1", "http.variables", Must, "makes HTTP_X_CGIKIT_TEST of the field X-Cgikit-Test", "RFC 3875 section 4.1.18", false, setsVariable("", "X-Cgikit-Test: value", "HTTP_X_CGIKIT_TEST", "value")},
	{"C19.1", "http.variables", Must, "joins fields of one name by a comma", "RFC 3875 section 4.1.18", false, joinsFields},
	{"C22.1", "http.variables", Must, "makes no HTTP_PROXY of the field Proxy", "httpoxy", false, setsVariable("", "Proxy: http://192.0.2.1/", "HTTP_PROXY", "")},
	{"C13.1", "http.body", Must, "decodes a chunked body, or refuses it", "RFC 3875 section 4.2", false, decodesChunked},
	{"C23.1", "http.body", Must, "passes a body of 1 MiB on unchanged", "RFC 3875 section 4.2", false, passesBody},
	{"C45.1", "http.body", Should, "passes on a response that comes before the body was read", "FastCGI section 3.5", false, passesEarly},
	{"C24.1", "http.response", Must, "sends no body in the response to HEAD", "RFC 3875 section 4.3.3", false, sendsNoBodyToHTTPHEAD},
	{"C26.1", "http.response", Must, "passes the status of a failure on", "RFC 3875 section 6.3.3", false, passesFailure},
	{"C36.1", "http.response", Must, "passes a response of 1 MiB on whole", "RFC 3875 section 6.1", false, passesLargeResponse},
	{"C44.1", "http.response", Should, "keeps 256 KiB of the error stream out of the response", "FastCGI section 6.2", false, keepsLogApart},
}

// setsVariable wants a value of a variable. An empty one may be absent.
func setsVariable(query, field, name, want string) func(*probe) error {
	return func(p *probe) error {
		var fields []string
		if field != "" {
			fields = append(fields, field)
		}
		vars, err := p.variables(query, fields...)
		if err == nil && vars[name] != want {
			return broken("%s is %.60q; want %.60q", name, vars[name], want)
		}
		return err
	}
}

func setsEmptyQuery(p *probe) error {
	vars, err := p.variables("")
	if value, ok := vars["QUERY_STRING"]; err == nil && (!ok || value != "") {
		return broken("QUERY_STRING is %.60q, set %v", value, ok)
	}
	return err
}

func setsServerName(p *probe) error {
	vars, err := p.variables("")
	name := vars["SERVER_NAME"]
	if err == nil && (name == "" || strings.HasSuffix(name, ":"+strconv.Itoa(int(p.run.Target.Port)))) {
		return broken("SERVER_NAME is %.60q", name)
	}
	return err
}

func setsServerPort(p *probe) error {
	vars, err := p.variables("")
	if _, bad := strconv.ParseUint(vars["SERVER_PORT"], 10, 16); err == nil && bad != nil {
		return broken("SERVER_PORT is %.60q", vars["SERVER_PORT"])
	}
	return err
}

// setsRemoteAddr does not compare the address: a proxy or a container may be in between.
func setsRemoteAddr(p *probe) error {
	vars, err := p.variables("")
	if err == nil && net.ParseIP(vars["REMOTE_ADDR"]) == nil {
		return broken("REMOTE_ADDR is %.60q", vars["REMOTE_ADDR"])
	}
	return err
}

func setsNoLength(p *probe) error {
	vars, err := p.variables("")
	if length := vars["CONTENT_LENGTH"]; err == nil && length != "" && length != "0" {
		return broken("CONTENT_LENGTH is %.60q", length)
	}
	return err
}

func decodesPath(p *probe) error {
	_, body, err := p.sendHTTP("GET", "/%76ars", nil)
	if vars, ok := parseVars(body); err == nil && (!ok || vars["PATH_INFO"] != "/vars") {
		return broken("the page begins with %.60q, and PATH_INFO is %.60q", body, vars["PATH_INFO"])
	}
	return err
}

func joinsFields(p *probe) error {
	vars, err := p.variables("", "X-Twice: a", "X-Twice: b")
	value := strings.ReplaceAll(vars["HTTP_X_TWICE"], " ", "")
	if err == nil && value != "a,b" {
		return broken("HTTP_X_TWICE is %.60q", vars["HTTP_X_TWICE"])
	}
	return err
}

func decodesChunked(p *probe) error {
	head := p.httpRequest("POST", "/body", "Transfer-Encoding: chunked", "Content-Type: text/plain")
	resp, body, err := p.fetchHTTP("POST", []byte(head+"\r\n5\r\nchunk\r\n2\r\ned\r\n0\r\n\r\n"))
	if err == nil && resp.StatusCode < 400 && string(body) != "chunked" {
		return broken("the application got %.60q; want \"chunked\"", body)
	}
	return err
}

func passesBody(p *probe) error {
	sent := bytes.Repeat([]byte("\r\n\x00\xff body"), 1<<17)[:1<<20]
	resp, body, err := p.sendHTTP("POST", "/body", sent, "Content-Type: text/plain")
	if err == nil && !bytes.Equal(body, sent) {
		return broken("%d bytes came back, with status %d; %d were sent, or bytes differ", len(body), resp.StatusCode, len(sent))
	}
	return err
}

func passesEarly(p *probe) error {
	_, body, err := p.sendHTTP("POST", "/early", make([]byte, 1<<20), "Content-Type: text/plain")
	if err == nil && string(body) != "early" {
		return broken("the response is %.60q", body)
	}
	return err
}

// sendsNoBodyToHTTPHEAD reads to the end of the connection, since a body has no length that counts.
func sendsNoBodyToHTTPHEAD(p *probe) error {
	c, err := p.send([]byte(p.httpRequest("HEAD", "/large?1000") + "\r\n"))
	if err != nil {
		return err
	}
	raw, err := c.readAll()
	if _, body, _ := bytes.Cut(raw, []byte("\r\n\r\n")); err == nil && len(body) > 0 {
		return broken("%d bytes follow the head", len(body))
	}
	return err
}

func passesFailure(p *probe) error {
	resp, _, err := p.sendHTTP("GET", "/panic", nil)
	if err == nil && resp.StatusCode < 500 {
		return broken("the status is %d", resp.StatusCode)
	}
	return err
}

func passesLargeResponse(p *probe) error {
	const size = 1 << 20
	_, body, err := p.sendHTTP("GET", "/large?"+strconv.Itoa(size), nil)
	if err == nil && bytes.Count(body, []byte("x")) != size {
		return broken("%d bytes came; want %d", len(body), size)
	}
	return err
}

func keepsLogApart(p *probe) error {
	_, body, err := p.sendHTTP("GET", "/log?262144", nil)
	if err == nil && string(body) != "log" {
		return broken("the response has %d bytes, and begins with %.60q", len(body), body)
	}
	return err
}
