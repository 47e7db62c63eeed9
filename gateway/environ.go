package gateway

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// The rules of the environ are the same for every transport because [BaseCGIHandler.Run] applies
// them. They define which variables of the web server are changed, and how long the body is.

// RequestError reports a request that is answered 400 without the App, because its variables are
// malformed or contradictory.
type RequestError struct {
	// the fault, such as "malformed CONTENT_LENGTH"; only for the log
	Reason string
	Input  string // the offending value, cut to 64 bytes
}

// Error returns the Reason and the quoted Input, for a log.
func (e *RequestError) Error() string {
	return fmt.Sprintf("gateway: bad request: %s: %q", e.Reason, e.Input)
}

func (e *RequestError) publicPage() (status, text string) {
	return "400 Bad Request", "The request cannot be understood.\n"
}

func requestError(reason, input string) error {
	const most = 64
	if len(input) > most {
		input = input[:most]
	}
	return &RequestError{Reason: reason, Input: input}
}

// normalise applies the rules that BaseCGIHandler documents to e in place. It returns the length of
// the body, or unknownLength for a body that ends with its stream.
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
	// the last value, as the App sees it: nginx may send an include's value and then an empty
	// override
	return bodyLength(e, e.Get("CONTENT_LENGTH"), stream)
}

// bodyLength returns how many bytes of the input stream are the body. The length of a chunked
// request is unknown: Apache's mod_cgi decodes the body and still sends its Transfer-Encoding.
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

// fold removes the variable from, and gives its value to name if name has none.
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
