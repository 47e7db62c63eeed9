package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/cgikit/cgikit/cmd/internal/bench/work"
	"github.com/cgikit/cgikit/gateway"
)

// Data of all responses, made once: an application that made it for each request would measure
// that.
var (
	large             = bytes.Repeat([]byte{'x'}, work.Size)
	variables, fields = names(work.Variable), names(work.Field)
)

func names(of func(i int) string) (all []string) {
	for i := range work.Fields {
		all = append(all, of(i+1))
	}
	return all
}

// workApp does the work that the query names.
func workApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "text/plain"); err != nil {
		return err
	}
	switch r.Environ.Get("QUERY_STRING") {
	case "echo":
		return echo(w, func(i int) string { return r.Environ.Get(variables[i]) })
	case "post":
		return count(w, r.Stdin)
	case "large":
		return sendLarge(w, func(length string) error { return w.Headers().Set("Content-Length", length) })
	}
	_, err := io.WriteString(w, work.Hello)
	return err
}

// workHandler does it as an http.Handler.
func workHandler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	switch r.URL.RawQuery {
	case "echo":
		echo(w, func(i int) string { return r.Header.Get(fields[i]) })
	case "post":
		count(w, r.Body)
	case "large":
		sendLarge(w, func(length string) error {
			w.Header().Set("Content-Length", length)
			return nil
		})
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(work.Hello)))
		io.WriteString(w, work.Hello)
	}
}

func echo(w io.Writer, value func(i int) string) error {
	var b []byte
	for i, name := range variables {
		b = append(append(b, name...), '=')
		b = append(append(b, value(i)...), '\n')
	}
	_, err := w.Write(b)
	return err
}

func count(w io.Writer, body io.Reader) error {
	n, err := io.Copy(io.Discard, body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, n)
	return err
}

func sendLarge(w io.Writer, declare func(length string) error) error {
	if err := declare(strconv.Itoa(len(large))); err != nil {
		return err
	}
	_, err := w.Write(large)
	return err
}
