package check

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// Echo is the application that the checks of Run.Echo need: "cgikit serve echo:". An application of
// others may do the same. PATH_INFO chooses what it does, for each method:
//
//	/vars      the variables, each in a line NAME=value; bytes but letters, digits and _ . - / are %XX
//	/body      the body; 400 if it is not CONTENT_LENGTH bytes long
//	/large     as many bytes x as QUERY_STRING says
//	/log       as many bytes to the error stream before the head, and again within the body "log"
//	/early     "early", without reading the body
//	/wait      nothing, until the request is aborted
//	/panic     fails before the head
//	any other  "echo"
//
// It shows every client all variables. Do not make it reachable from an open network.
func Echo() gateway.App {
	return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		page, ok := echoPages[r.Environ.Get("PATH_INFO")]
		if !ok {
			page = echoText("echo")
		}
		if method := r.Environ.Get("REQUEST_METHOD"); method != "GET" && method != "HEAD" && method != "POST" {
			w.Start("405 Method Not Allowed")
			page = echoText("method")
		}
		return page(w, r)
	})
}

var echoPages = map[string]func(gateway.ResponseWriter, *gateway.Request) error{
	"/vars":  echoVars,
	"/body":  echoBody,
	"/large": echoLarge,
	"/log":   echoLog,
	"/early": echoText("early"),
	"/wait":  echoWait,
	"/panic": func(gateway.ResponseWriter, *gateway.Request) error { panic("the page /panic") },
}

func echoText(text string) func(gateway.ResponseWriter, *gateway.Request) error {
	return func(w gateway.ResponseWriter, _ *gateway.Request) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func echoVars(w gateway.ResponseWriter, r *gateway.Request) error {
	for name, value := range r.Environ.All() {
		if _, err := fmt.Fprintf(w, "%s=%s\n", percent(name), percent(value)); err != nil {
			return err
		}
	}
	return nil
}

// percent encodes all bytes but those that are safe in a line and around an equals sign.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', strings.IndexByte("_.-/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// maxEcho bounds what the application keeps or makes.
const maxEcho = 16 << 20

func echoBody(w gateway.ResponseWriter, r *gateway.Request) error {
	b, err := io.ReadAll(io.LimitReader(r.Stdin, maxEcho))
	if err != nil {
		w.Start("400 Bad Request")
		return echoText("body")(w, r)
	}
	_, err = w.Write(b)
	return err
}

// number is QUERY_STRING as a number of bytes.
func number(r *gateway.Request) int {
	n, _ := strconv.Atoi(r.Environ.Get("QUERY_STRING"))
	return max(min(n, maxEcho), 0)
}

func echoLarge(w gateway.ResponseWriter, r *gateway.Request) error {
	_, err := io.WriteString(w, strings.Repeat("x", number(r)))
	return err
}

func echoLog(w gateway.ResponseWriter, r *gateway.Request) error {
	lines := strings.Repeat("a line of the log\n", number(r)/18+1)[:number(r)]
	io.WriteString(r.Stderr, lines)
	if _, err := io.WriteString(w, "lo"); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	io.WriteString(r.Stderr, lines)
	_, err := io.WriteString(w, "g")
	return err
}

func echoWait(_ gateway.ResponseWriter, r *gateway.Request) error {
	<-r.Context().Done()
	return r.Context().Err()
}
