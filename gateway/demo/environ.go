package demo

import (
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// serveEnviron writes one variable a line, without the text of secrets. A line break in a value,
// which PATH_INFO can have from the client, is written as \n or \r: it must not look like a
// variable of its own.
func serveEnviron(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := begin(w, "200 OK", textFields()...); err != nil {
		return err
	}
	breaks := strings.NewReplacer("\n", `\n`, "\r", `\r`)
	var b strings.Builder
	for name, value := range r.Environ.All() {
		b.WriteString(breaks.Replace(name + "=" + shown(name, value)))
		b.WriteByte('\n')
	}
	_, err := w.Write([]byte(b.String()))
	return err
}
