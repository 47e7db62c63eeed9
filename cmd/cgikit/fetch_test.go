package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// fetch [-d BODY] [-upload BYTES [-chunked]] [-X METHOD] [-e NAME=VALUE] [-m MOUNT] [-o FILE]
// ADDRESS PATH asks an HTTP, FastCGI or SCGI server. Status, fields and body become stdout; with -o
// the body goes to a file. With -upload a browser's form sends a file of that size. An answer that
// is not whole is a failure, and what came of it is kept too.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	q, err := parseQuestion(args)
	ts.Check(err)
	head, body, err := q.ask(context.Background())
	if err == nil {
		io.WriteString(ts.Stdout(), head)
		err = q.keep(ts, body)
	}
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
	if (err != nil) != neg {
		ts.Fatalf("fetch %s: error %v", strings.Join(args, " "), err)
	}
}

// keep reads and closes body.
func (q question) keep(ts *testscript.TestScript, body io.ReadCloser) error {
	defer body.Close()
	if q.output == "" {
		_, err := io.Copy(ts.Stdout(), body)
		return err
	}
	b, err := io.ReadAll(body)
	return errors.Join(err, os.WriteFile(ts.MkAbs(q.output), b, 0o600))
}

// question is a request of a script.
type question struct {
	method, body, variable string
	mount                  string // SCRIPT_NAME
	output                 string // a file, empty for stdout
	upload                 int64
	chunked                bool
	address, path          string
}

func parseQuestion(args []string) (question, error) {
	var q question
	f := flag.NewFlagSet("fetch", flag.ContinueOnError)
	f.StringVar(&q.method, "X", "GET", "method")
	f.StringVar(&q.body, "d", "", "body of a POST")
	f.Int64Var(&q.upload, "upload", 0, "size of a file to send")
	f.BoolVar(&q.chunked, "chunked", false, "do not declare the length of what is uploaded")
	f.StringVar(&q.variable, "e", "", "variable NAME=value, or over HTTP the field Name: value")
	f.StringVar(&q.mount, "m", "", "SCRIPT_NAME")
	f.StringVar(&q.output, "o", "", "file for the body")
	if err := f.Parse(args); err != nil {
		return q, err
	}
	if f.NArg() != 2 {
		return q, errors.New("usage: fetch [-d BODY] [-upload BYTES [-chunked]] [-X METHOD] [-e NAME=VALUE] [-m MOUNT] [-o FILE] ADDRESS PATH")
	}
	if q.body != "" || q.upload > 0 {
		q.method = "POST"
	}
	q.address, q.path = f.Arg(0), f.Arg(1)
	return q, nil
}

// ask sends the request. It returns the status line and the fields as text, and the body.
func (q question) ask(ctx context.Context) (head string, body io.ReadCloser, err error) {
	switch {
	case strings.HasPrefix(q.address, "http:"):
		return q.askHTTP(ctx)
	case strings.HasPrefix(q.address, "scgi"):
		return q.askBackend(ctx, &scgi.Client{Addr: q.address})
	}
	return q.askBackend(ctx, &fastcgi.Client{Addr: q.address})
}

func (q question) askHTTP(ctx context.Context) (string, io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, strings.TrimSuffix(q.address, "/")+q.path, strings.NewReader(q.body))
	if err != nil {
		return "", nil, err
	}
	if name, value, ok := strings.Cut(q.variable, ": "); ok {
		r.Header.Set(name, value)
	}
	switch {
	case q.body != "":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case q.upload > 0:
		q.attach(r)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return "", nil, err
	}
	var fields strings.Builder
	resp.Header.Write(&fields)
	return resp.Status + "\n" + fields.String() + "\n", resp.Body, nil
}

// attach makes r a browser's form with a file. Browsers declare the length.
func (q question) attach(r *http.Request) {
	const boundary = "----boundary"
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	tail := "\r\n--" + boundary + "--\r\n"
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	r.ContentLength = int64(len(head)) + q.upload + int64(len(tail))
	if q.chunked {
		r.ContentLength = -1
	}
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(head), io.LimitReader(new(pattern), q.upload), strings.NewReader(tail)))
}

func (q question) askBackend(ctx context.Context, b gateway.Backend) (string, io.ReadCloser, error) {
	path, query, _ := strings.Cut(q.path, "?")
	e := util.NewEnviron()
	e.Add("REQUEST_METHOD", q.method)
	e.Add("REQUEST_URI", strings.TrimSuffix(q.mount, "/")+q.path)
	e.Add("SERVER_PROTOCOL", "HTTP/1.1")
	e.Add("SERVER_NAME", "localhost")
	e.Add("SERVER_PORT", "80")
	e.Add("REMOTE_ADDR", "127.0.0.1")
	e.Add("SCRIPT_NAME", q.mount)
	e.Add("PATH_INFO", path)
	e.Add("QUERY_STRING", query)
	e.Add("CONTENT_LENGTH", strconv.Itoa(len(q.body)))
	e.Add("CONTENT_TYPE", "application/x-www-form-urlencoded")
	if name, value, ok := strings.Cut(q.variable, "="); ok {
		e.Set(name, value)
	}
	r := &gateway.Request{Environ: e, Stdin: strings.NewReader(q.body), Stderr: io.Discard}
	resp, err := b.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return "", nil, err
	}
	return resp.Status + "\n" + resp.Headers.String(), resp.Body, nil
}

// stream ADDRESS PATH... requests the demo's stream at all paths at the same time. The ten lines
// must arrive while the demo writes them, so most of the 2.7 seconds that it takes must lie between
// the first and the last.
func stream(ts *testscript.TestScript, neg bool, args []string) {
	results := make(chan error)
	for i := 0; i+1 < len(args); i += 2 {
		go func() { results <- readStream(question{method: "GET", address: args[i], path: args[i+1]}) }()
	}
	for range len(args) / 2 {
		if err := <-results; err != nil {
			ts.Fatalf("stream: %v", err)
		}
	}
}

func readStream(q question) error {
	_, body, err := q.ask(context.Background())
	if err != nil {
		return err
	}
	defer body.Close()
	var first time.Time
	n := 0
	for lines := bufio.NewScanner(body); lines.Scan(); n++ {
		if n == 0 {
			first = time.Now()
		}
	}
	if took := time.Since(first); n != 10 || took < time.Second {
		return fmt.Errorf("%s%s: got %d lines within %v; want 10 over 2.7 s", q.address, q.path, n, took)
	}
	return nil
}

// held is a request that hold has begun.
type held struct {
	cancel context.CancelFunc
	result chan heldResult // has room
}

type heldResult struct {
	rest string
	err  error
}

// hold NAME ADDRESS PATH begins a request and waits for the first line of the body. It reads the
// rest in the background.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: hold NAME ADDRESS PATH")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	_, body, err := question{method: "GET", address: args[1], path: args[2]}.ask(ctx)
	ts.Check(err)
	lines := bufio.NewReader(body)
	_, err = lines.ReadString('\n')
	ts.Check(err)
	h := &held{cancel, make(chan heldResult, 1)}
	stageOf(ts).held[args[0]] = h
	go func() {
		rest, err := io.ReadAll(lines)
		body.Close()
		h.result <- heldResult{string(rest), err}
	}()
}

// whole NAME waits for the rest of the response to a request of hold, which becomes stdout. The
// response must be complete, or with ! incomplete.
func whole(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: whole NAME")
	}
	got := <-stageOf(ts).held[args[0]].result
	io.WriteString(ts.Stdout(), got.rest)
	if (got.err != nil) != neg {
		ts.Fatalf("the rest of %s: %.300q, error %v", args[0], got.rest, got.err)
	}
}
