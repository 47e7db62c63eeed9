package demo

import (
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// serveEnviron writes one variable per line, without the values of secrets. A line break in a value
// is written as \n or \r, because a client can put one into PATH_INFO, where it would look like
// another variable.
func serveEnviron(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := startResponse(w, "200 OK", textFields()...); err != nil {
		return err
	}
	breaks := strings.NewReplacer("\n", `\n`, "\r", `\r`)
	var b strings.Builder
	for name, value := range r.Environ.All() {
		b.WriteString(breaks.Replace(name + "=" + displayValue(name, value)))
		b.WriteByte('\n')
	}
	_, err := w.Write([]byte(b.String()))
	return err
}
