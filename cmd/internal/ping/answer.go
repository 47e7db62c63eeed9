package ping

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// answer is what a target answered. Which fields are set depends on the question.
type answer struct {
	values map[string]string // of FCGI_GET_VALUES; not nil if that was asked and answered
	status int               // of a response; 0 for none
	reason string            // after the status; may be empty
	fields *headers.Headers
	body   []byte // the first maxBody bytes
	exit   int    // of a CGI script; -1 where it is not known
	pool   *Pool  // the body, where it is php-fpm's status page
}

// maxBody bounds what is kept of a body for --expect-body and for the status page, which has 1 KiB.
const maxBody = 64 << 10

// readAnswer reads a whole response. It keeps the beginning of the body, and reads the rest: an
// answer that breaks off is not a good one.
func readAnswer(resp *gateway.Response) (answer, error) {
	defer resp.Body.Close()
	a := answer{fields: resp.Headers, status: 200}
	if resp.Status != "" {
		code, reason, _ := strings.Cut(resp.Status, " ")
		a.status, _ = strconv.Atoi(code)
		a.reason = reason
	}
	var kept bytes.Buffer
	_, err := io.CopyN(&kept, resp.Body, maxBody)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	a.body = kept.Bytes()
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	a.exit = resp.ExitStatus
	return a, err
}
