package gateway

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// The rules of the environ are the same for every transport because [BaseCGIHandler.Run] applies
// them. They say what is changed in what the web server sent, and how long the body is.

// RequestError is a request that no App gets to see, because what describes it cannot be trusted.
// The client is told 400.
type RequestError struct {
	// what is wrong, such as "malformed CONTENT_LENGTH"; for the log, not for the client
	Reason string
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

// normalise applies the rules, as the documentation of BaseCGIHandler lists them, to e in place. It
// returns the length of the body, and unknownLength for a body that runs to the stream's end.
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
	// as the App sees it: an empty one may override an include's
	return bodyLength(e, e.Get("CONTENT_LENGTH"), stream)
}

// bodyLength decides how much of the input stream is the body. Apache's mod_cgi decodes a chunked
// body and passes its Transfer-Encoding on.
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
