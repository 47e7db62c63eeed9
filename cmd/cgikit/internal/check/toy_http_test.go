package check

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// httpRun is a Run of a web server, in front of an application like that of Echo, that keeps all
// rules but one.
func httpRun(t *testing.T, fault string) *Run {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveHTTP(fault, w, r) }))
	t.Cleanup(s.Close)
	tg, mount, err := ParseURL(s.URL + "/app/")
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Target: tg, Mount: mount, Timeout: slow, Quiet: slow}
	if err := r.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func serveHTTP(fault string, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	vars := toyVariables(r, len(body))
	breakVariables(fault, vars, r)
	page, ok := toyPage(map[string]string{"C36.1": "A4.3", "C26.1": "A4.2", "C23.1": "A2.2"}[fault], vars, body)
	if !ok {
		page = toyResponse("", vars, body)
	}
	response, err := parseResponse(page)
	if err != nil {
		panic(err)
	}
	content := response.body
	switch {
	case fault == "C13.1" && len(r.TransferEncoding) > 0:
		content = []byte("7\r\nchunked\r\n")
	case fault == "C44.1" && vars["PATH_INFO"] == "/log":
		content = append([]byte("a line of the log"), content...)
	case fault == "C45.1" && vars["PATH_INFO"] == "/early":
		content = nil
	case fault == "C24.1" && r.Method == "HEAD":
		c, _, _ := w.(http.Hijacker).Hijack()
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nbody")
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(response.status())
	w.Write(content)
}

// toyVariables are the variables of a request.
func toyVariables(r *http.Request, length int) map[string]string {
	host, port, _ := net.SplitHostPort(r.Host)
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	vars := map[string]string{
		"QUERY_STRING": r.URL.RawQuery, "REQUEST_METHOD": r.Method, "SERVER_NAME": host, "SERVER_PORT": port, "SERVER_PROTOCOL": r.Proto,
		"GATEWAY_INTERFACE": "CGI/1.1", "REMOTE_ADDR": remote, "PATH_INFO": strings.TrimPrefix(r.URL.Path, "/app"),
	}
	if length > 0 {
		vars["CONTENT_LENGTH"] = fmt.Sprint(length)
	}
	for name, values := range r.Header {
		if name != "Proxy" {
			vars["HTTP_"+strings.ReplaceAll(strings.ToUpper(name), "-", "_")] = strings.Join(values, ", ")
		}
	}
	return vars
}

// breakVariables is the fault of a variable.
func breakVariables(fault string, vars map[string]string, r *http.Request) {
	switch fault {
	case "C1.1":
		vars["QUERY_STRING"] = strings.ReplaceAll(vars["QUERY_STRING"], "%20", " ")
	case "C1.2":
		if vars["QUERY_STRING"] == "" {
			delete(vars, "QUERY_STRING")
		}
	case "C2.1":
		vars["REQUEST_METHOD"] = strings.ToLower(r.Method)
	case "C4.1":
		vars["SERVER_NAME"] = r.Host
	case "C5.1":
		vars["SERVER_PORT"] = "http"
	case "C6.1":
		vars["SERVER_PROTOCOL"] = "HTTP/1.0"
	case "C8.1":
		delete(vars, "GATEWAY_INTERFACE")
	case "C9.1":
		vars["REMOTE_ADDR"] = r.RemoteAddr
	case "C12.1":
		vars["CONTENT_LENGTH"] = "5"
	case "C14.1":
		vars["CONTENT_TYPE"] = "text/plain"
	case "C15.1":
		vars["PATH_INFO"] = strings.TrimPrefix(r.URL.EscapedPath(), "/app")
	case "C18.1":
		delete(vars, "HTTP_X_CGIKIT_TEST")
	case "C19.1":
		vars["HTTP_X_TWICE"] = r.Header.Get("X-Twice")
	case "C22.1":
		vars["HTTP_PROXY"] = r.Header.Get("Proxy")
	}
}
