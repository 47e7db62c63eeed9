package cgi_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

const big = 256 << 10 // more than any pipe holds by itself

// apps are the programs under test.
var apps = map[string]gateway.AppFunc{
	"hello": text("Hello\n"),
	"echo": func(w gateway.ResponseWriter, r *gateway.Request) error {
		body, err := io.ReadAll(r.Stdin)
		if err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	},
	"echo-sum": func(w gateway.ResponseWriter, r *gateway.Request) error { return writeSum(w, r.Stdin) },
	"big":      text(strings.Repeat("x", big)),
	"big-then-read": func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.ReadFull(r.Stdin, make([]byte, 10))
		if err := text(strings.Repeat("x", big))(w, r); err != nil {
			return err
		}
		return writeSum(w, r.Stdin)
	},
	"args": func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "%d %q %q", len(os.Args), os.Getenv("HTTP_PROXY"), r.Environ.Get("HTTP_PROXY"))
		return err
	},
	"flags": func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "once=%t process=%t thread=%t", r.RunOnce, r.Multiprocess, r.Multithread)
		return err
	},
	"strict": func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "in environ: %s", r.Environ.Get("CGIKIT_STRICT_EXIT"))
		return err
	},
	"panic-before": func(w gateway.ResponseWriter, r *gateway.Request) error { panic("before the first byte") },
	"panic-after": func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.WriteString(w, "begun\n")
		w.Flush()
		panic("after the first byte")
	},
	"abort": func(w gateway.ResponseWriter, r *gateway.Request) error { return gateway.ErrAbort },
	"until-term": func(w gateway.ResponseWriter, r *gateway.Request) error {
		done := r.Context().Done()
		io.WriteString(w, "begun\n")
		w.Flush()
		<-done
		_, err := fmt.Fprintln(w, r.Context().Err(), context.Cause(r.Context()))
		return err
	},
	"ignore-term": func(w gateway.ResponseWriter, r *gateway.Request) error {
		<-ready(w, r.Context().Done())
		io.WriteString(w, "seen\n")
		w.Flush()
		time.Sleep(time.Minute)
		return nil
	},
	"deaf": func(w gateway.ResponseWriter, r *gateway.Request) error {
		ready(w, nil)
		time.Sleep(time.Minute)
		return nil
	},
	"option-nph": func(w gateway.ResponseWriter, r *gateway.Request) error {
		ready(w, nil)
		return text("more")(w, r)
	},
	"silent": func(w gateway.ResponseWriter, r *gateway.Request) error {
		time.Sleep(time.Minute)
		return nil
	},
	"endless": func(w gateway.ResponseWriter, r *gateway.Request) error {
		for {
			if _, err := w.Write(make([]byte, big)); err != nil {
				return fmt.Errorf("endless: %w", err)
			}
		}
	},
	"upstream-gone": func(w gateway.ResponseWriter, r *gateway.Request) error {
		ready(w, nil)
		return fmt.Errorf("database: %w", io.ErrClosedPipe)
	},
	"file": sendFile,
	"endless-file": func(w gateway.ResponseWriter, r *gateway.Request) error {
		for {
			if err := sendFile(w, r); err != nil {
				return err
			}
		}
	},
	"noisy": func(w gateway.ResponseWriter, r *gateway.Request) error {
		for range 100 << 10 / 64 {
			if _, err := fmt.Fprintf(r.Stderr, "%063d\n", 0); err != nil {
				return err
			}
		}
		return text("quiet\n")(w, r)
	},
	"small-spool": func(w gateway.ResponseWriter, r *gateway.Request) error {
		ready(w, nil)
		n, err := io.Copy(io.Discard, r.Stdin)
		_, err = fmt.Fprintln(w, n, err)
		return err
	},
}

// sendFile sends the file that TEST_FILE names.
func sendFile(w gateway.ResponseWriter, r *gateway.Request) error {
	f, err := os.Open(os.Getenv("TEST_FILE"))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// text is an App that sends s in one piece.
func text(s string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// writeSum tells what r held.
func writeSum(w io.Writer, r io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%d %x\n", n, h.Sum(nil))
	return err
}

func sumOf(p []byte) string { return fmt.Sprintf("\n%d %x\n", len(p), sha256.Sum256(p)) }

// ready tells the test that the program has come so far.
func ready(w gateway.ResponseWriter, next <-chan struct{}) <-chan struct{} {
	io.WriteString(w, "begun\n")
	w.Flush()
	return next
}
