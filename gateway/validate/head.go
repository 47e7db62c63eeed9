package validate

import (
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// unknownLength means that no Content-Length is declared.
const unknownLength = -1

// fieldCount counts certain fields of one response.
type fieldCount struct {
	types, locations, lengths int
	// the first Content-Length; unknownLength without one that is valid
	length int64
}

// checkField checks one field by itself and counts it in c.
func (x *exchange) checkField(c *fieldCount, name, value string) {
	switch {
	case !isToken(name):
		x.violated(responseField, name)
	case strings.EqualFold(name, "Status"):
		x.violated(responseStatusField, value)
	case util.IsHopByHop(name):
		x.violated(responseHopByHop, name)
	case !isPlainName(name):
		x.violated(responseFieldName, name)
	}
	switch {
	case !isText(value):
		x.violated(responseField, name+": "+value)
	case !isVisible(value):
		x.violated(responseFieldValue, name+": "+value)
	}
	x.countField(c, name, value)
}

func (x *exchange) countField(c *fieldCount, name, value string) {
	switch {
	case strings.EqualFold(name, "Content-Type"):
		c.types++
		x.require(c.types == 1, responseRepeatedField, value)
	case strings.EqualFold(name, "Location"):
		c.locations++
		x.require(c.locations == 1, responseRepeatedField, value)
	case strings.EqualFold(name, "Content-Length"):
		c.lengths++
		n, ok := parseLength(value)
		x.require(ok && c.lengths == 1, responseContentLength, value)
		if ok && c.lengths == 1 {
			c.length = n
		}
	}
}

// response is the state of one response that the rules for its body need. The writer that embeds it
// guards it.
type response struct {
	x           *exchange
	isHead      bool // the response to a HEAD
	sniffed     bool // net/http sets a missing Content-Type
	code        int  // 0 until a status is set
	written     int64
	headChecked bool // the fields were checked, just before they are sent
	fields      fieldCount
}

// checkFields checks the fields together, after each of them was checked by itself.
func (r *response) checkFields() {
	r.headChecked = true
	if r.bodyAllowed() {
		return
	}
	// a length of 0 is correct for 205; a 204 must not have one
	empty := r.code == 205 && r.fields.length == 0
	r.x.require(r.fields.types == 0 && (r.fields.lengths == 0 || empty), responseEntityField, strconv.Itoa(r.code))
}

// checkBody checks n bytes of body that are not counted yet against declared, the Content-Length.
func (r *response) checkBody(n, declared int64) {
	if n == 0 {
		return
	}
	total := r.written + n
	if r.isHead {
		r.x.violated(responseHeadBody, "")
	}
	if declared != unknownLength && r.bodyAllowed() && total > declared {
		r.x.violated(responseLengthMismatch, "more than the declared "+strconv.FormatInt(declared, 10))
	}
}

// checkContent checks that the head allows a body that is not empty.
func (r *response) checkContent() {
	switch {
	case !r.bodyAllowed():
		r.x.violated(responseBodyNotAllowed, strconv.Itoa(r.code))
	case r.fields.types == 0 && !r.isHead && !r.sniffed:
		r.x.violated(responseContentType, "")
	}
}

// checkEnd checks a complete response.
func (r *response) checkEnd() {
	if n := r.fields.length; n > r.written && r.bodyAllowed() && !r.isHead {
		r.x.violated(responseLengthMismatch, strconv.FormatInt(r.written, 10)+" of the declared "+strconv.FormatInt(n, 10))
	}
}

// checkCode checks the number of a status.
func (r *response) checkCode(code int) error {
	switch {
	case code < 200:
		return r.x.violated(responseInterim, strconv.Itoa(code))
	case code >= 600:
		return r.x.violated(responseStatusClass, strconv.Itoa(code))
	}
	return r.x.fatalViolation()
}

// bodyAllowed reports whether the status allows a body (RFC 9110 sections 6.4.1 and 15.3.6).
func (r *response) bodyAllowed() bool { return r.code != 204 && r.code != 205 && r.code != 304 }
