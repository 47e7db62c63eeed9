package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

// bulkSize is 24 MiB, more than all buffers, pipes and sockets between client and application hold.
// `go run ./cmd/internal/bench transfer` sends 1 GiB and measures the memory.
const bulkSize = 24 << 20

// bulk sends as much of the pattern as the query says, and tells what it was sent.
var bulk = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_METHOD") == "GET" {
		n, err := strconv.ParseInt(r.Environ.Get("QUERY_STRING"), 10, 64)
		if err != nil {
			return err
		}
		if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
			return err
		}
		_, err = io.CopyN(w, new(pattern), n)
		return err
	}
	sum, err := checksum(r.Stdin)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, sum)
	return err
})

// checksum describes all that r gives.
func checksum(r io.Reader) (string, error) {
	h := crc32.NewIEEE()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%d bytes, %08x", n, h.Sum32()), err
}

// TestBulk checks that each pair passes a large body unchanged, in both directions, with and
// without a known length.
func TestBulk(t *testing.T) {
	t.Parallel()
	want, err := checksum(io.LimitReader(new(pattern), bulkSize))
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range matrixListeners {
		for _, out := range matrixTargets {
			t.Run(in+" to "+out+", buffered", func(t *testing.T) { runBulk(t, in, out, targetOptions{}, want) })
			t.Run(in+" to "+out+", streamed", func(t *testing.T) { runBulk(t, in, out, streaming, want) })
		}
	}
}

func runBulk(t *testing.T, in, out string, o targetOptions, want string) {
	t.Parallel()
	checkBulk(t, listenBy(t, in, serveTo(t, out, "bulk", o)), want)
}

// checkBulk sends a large body to the app bulk at url, and has it send one.
func checkBulk(t *testing.T, url, want string) {
	resp, err := http.Get(url + "/?" + strconv.Itoa(bulkSize))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := checksum(resp.Body); got != want || err != nil {
		t.Errorf("download: got %s, %v; want %s", got, err, want)
	}
	for _, length := range []int64{bulkSize, -1} {
		if got, err := upload(url, length); got != want || err != nil {
			t.Errorf("upload, length %d: got %s, %v; want %s", length, got, err, want)
		}
	}
}

// upload sends bulkSize bytes and declares length bytes. A negative length is unknown.
func upload(url string, length int64) (string, error) {
	r, err := http.NewRequest("POST", url, io.LimitReader(new(pattern), bulkSize))
	if err != nil {
		return "", err
	}
	r.ContentLength = length
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return string(answer), err
}
