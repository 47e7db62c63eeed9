package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

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
	query := r.Environ.Get("QUERY_STRING")
	if size, flush, ok := streamSize(query); ok {
		return stream(w, size, flush, w.Flush)
	}
	switch query {
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
	if size, flush, ok := streamSize(r.URL.RawQuery); ok {
		stream(w, size, flush, http.NewResponseController(w).Flush)
		return
	}
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

// streamSize reads the query of a stream.
func streamSize(query string) (size int64, flush, ok bool) {
	name, number, _ := strings.Cut(query, "=")
	if name != "stream" && name != "flush" {
		return 0, false, false
	}
	size, err := strconv.ParseInt(number, 10, 64)
	return size, name == "flush", err == nil
}

// stream writes so many bytes in pieces, each of which it may flush. Its length is not declared.
func stream(w io.Writer, size int64, flush bool, flushNow func() error) error {
	for left := size; left > 0; left -= work.PieceSize {
		if _, err := w.Write(large[:min(left, work.PieceSize)]); err != nil {
			return err
		}
		if !flush {
			continue
		}
		if err := flushNow(); err != nil {
			return err
		}
	}
	return nil
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
