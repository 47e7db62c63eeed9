package host

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// coding is a Content-Encoding and the extension of files that have it.
type coding struct{ name, alias, extension string }

// codings are in order of preference, for a client that accepts several equally.
var codings = []coding{
	{"br", "br", ".br"},
	{"gzip", "x-gzip", ".gz"}, // RFC 9110 section 8.4.1.3
}

// encoded returns the content of the encoded file beside c that the client prefers, or c. It closes
// c if it returns another.
func (c *content) encoded(folder *exchange.Folder, accept string) (*content, error) {
	best, most := coding{}, quality(accept, "identity")
	for _, k := range codings {
		found, err := folder.Find(c.name + k.extension)
		if err != nil || found.Rest != "" || !found.Mode.IsRegular() {
			continue
		}
		c.varies = true
		if q := max(quality(accept, k.name), quality(accept, k.alias)); q > 0 && (q > most || best.name == "" && q == most) {
			best, most = k, q
		}
	}
	if best.name == "" {
		return c, nil
	}
	file, err := openContent(folder, c.name+best.extension)
	if err != nil { // not readable, or replaced meanwhile
		return c, nil
	}
	if !file.Mode.IsRegular() {
		file.Close()
		return c, nil
	}
	c.Close()
	c.Opened, c.coding = file.Opened, best.name
	return c, nil
}

// quality returns the weight of a coding in the value of Accept-Encoding (RFC 9110 section 12.5.3),
// in thousandths. It is 0 for a coding that is not accepted, and for one with a malformed weight.
// It is also 0 for an identity that is not listed: then any other coding is preferred.
func quality(accept, coding string) int {
	any := 0
	for item := range strings.SplitSeq(accept, ",") {
		name, parameters, _ := strings.Cut(item, ";")
		switch name = strings.Trim(name, " \t"); {
		case strings.EqualFold(name, coding):
			return weight(parameters)
		case name == "*" && coding != "identity":
			any = weight(parameters)
		}
	}
	return any
}

// weight returns the weight in the parameters of a coding, in thousandths: 1000 if there are none.
func weight(parameters string) int {
	parameters = strings.Trim(parameters, " \t")
	if parameters == "" {
		return 1000
	}
	value, ok := strings.CutPrefix(strings.ToLower(parameters), "q=")
	q, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return int(q*1000 + 0.5)
}

// withoutRange returns r without its Range.
func withoutRange(r *http.Request) *http.Request {
	c := *r
	c.Header = r.Header.Clone()
	c.Header.Del("Range")
	return &c
}

// sized is a ResponseWriter that sets the Content-Length of an encoded file, and offers no ranges
// of it. http.ServeContent does not: it assumes that a handler around it encodes the body.
type sized struct {
	http.ResponseWriter
	length int64
}

// WriteHeader implements http.ResponseWriter.
func (s *sized) WriteHeader(status int) {
	s.Header().Del("Accept-Ranges")
	if status == http.StatusOK {
		s.Header().Set("Content-Length", strconv.FormatInt(s.length, 10))
	}
	s.ResponseWriter.WriteHeader(status)
}

// ReadFrom implements io.ReaderFrom, so that files are still sent by sendfile(2).
func (s *sized) ReadFrom(src io.Reader) (int64, error) { return io.Copy(s.ResponseWriter, src) }
