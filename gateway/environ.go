package gateway

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// The environ rules: what is changed in what the web server sent, and how the length of the body follows from it. They are
// the same for every transport because [BaseCGIHandler.Run] applies them.

// RequestError is a request that no App gets to see, because what describes it cannot be trusted. The client is told 400.
type RequestError struct {
	Reason string // what is wrong, such as "malformed CONTENT_LENGTH"; for the log, not for the client
	Input  string // the offending value, cut to 64 bytes
}

// Error tells it for a log: bad input is quoted and cut.
func (e *RequestError) Error() string {
	return fmt.Sprintf("gateway: bad request: %s: %q", e.Reason, e.Input)
}

func (e *RequestError) page() (status, text string) {
	return "400 Bad Request", "The request cannot be understood.\n"
}

func requestError(reason, input string) error {
	const most = 64
	if len(input) > most {
		input = input[:most]
	}
	return &RequestError{Reason: reason, Input: input}
}

// normalise applies the rules to e in place and returns the length of the body, unknownLength for one that runs to the
// stream's end.
//
//   - HTTP_PROXY goes: a client's Proxy field must never be taken for the proxy setting (httpoxy, CVE-2016-5386).
//   - HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH (nginx's own test configurations and net/http/cgi's host send them) become
//     CONTENT_TYPE and CONTENT_LENGTH where those are absent or empty, and go.
//   - An empty name is refused; so are lengths that differ or are no number (RFC 3875 section 4.1.2).
func normalise(e *util.Environ, stream bool) (length int64, err error) {
	var proxy, folded bool
	declared := ""
	for name, value := range e.All() {
		switch name {
		case "":
			return 0, requestError("variable without a name", value)
		case "HTTP_PROXY":
			proxy = true
		case "HTTP_CONTENT_TYPE":
			folded = true
		case "CONTENT_LENGTH", "HTTP_CONTENT_LENGTH":
			folded = folded || name[0] == 'H'
			if declared != "" && value != "" && value != declared {
				return 0, requestError("different CONTENT_LENGTHs", declared+", "+value)
			}
			declared = cmp.Or(declared, value)
		}
	}
	if proxy {
		e.Del("HTTP_PROXY")
	}
	if folded {
		fold(e, "CONTENT_TYPE", "HTTP_CONTENT_TYPE")
		fold(e, "CONTENT_LENGTH", "HTTP_CONTENT_LENGTH")
	}
	return bodyLength(e, e.Get("CONTENT_LENGTH"), stream) // as the App sees it: an empty one may override an include's
}

// bodyLength decides how much of the input stream is the body. Without CONTENT_LENGTH there is none, but for a stream that
// ends by itself, and for Apache's CGI, which hands on a chunked body decoded, together with its Transfer-Encoding.
func bodyLength(e *util.Environ, declared string, stream bool) (int64, error) {
	if declared != "" {
		n, err := parseLength(declared)
		if err != nil {
			return 0, requestError("malformed CONTENT_LENGTH", declared)
		}
		return n, nil
	}
	if stream || strings.EqualFold(e.Get("HTTP_TRANSFER_ENCODING"), "chunked") {
		return unknownLength, nil
	}
	return 0, nil
}

// fold moves the value of from to name, unless name has one.
func fold(e *util.Environ, name, from string) {
	value, ok := e.Lookup(from)
	if !ok {
		return
	}
	e.Del(from)
	if e.Get(name) == "" {
		e.Set(name, value)
	}
}
