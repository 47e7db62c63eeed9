package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// zeros is an endless body. That the right bytes come is what cmd/cgikit's tests look at; here it is how many.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bulk sends as many bytes as the query says, and tells how many it was sent.
var bulk = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
		return err
	}
	if r.Environ.Get("REQUEST_METHOD") == "GET" {
		n, err := strconv.ParseInt(r.Environ.Get("QUERY_STRING"), 10, 64)
		if err != nil {
			return err
		}
		_, err = io.CopyN(w, zeros{}, n)
		return err
	}
	n, err := io.Copy(io.Discard, r.Stdin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w, n)
	return err
})

// download returns MB a second.
func download(url string, size int64) (float64, error) {
	start := time.Now()
	resp, err := http.Get(url + "?" + strconv.FormatInt(size, 10))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && n != size {
		err = fmt.Errorf("got %d bytes, status %s", n, resp.Status)
	}
	return float64(n) / 1e6 / time.Since(start).Seconds(), err
}

// upload returns MB a second.
func upload(url string, size int64) (float64, error) {
	start := time.Now()
	r, err := http.NewRequest("POST", url, io.LimitReader(zeros{}, size))
	if err != nil {
		return 0, err
	}
	r.ContentLength = size
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && string(answer) != strconv.FormatInt(size, 10) {
		err = fmt.Errorf("the application got %.100q, status %s", strings.TrimSpace(string(answer)), resp.Status)
	}
	return float64(size) / 1e6 / time.Since(start).Seconds(), err
}
