package demo

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

const (
	fileName  = "Grüße von cgikit – こんにちは.txt"
	fileLine  = "cgikit demo, line %13d\n" // 32 bytes with its number
	fileLines = 32 << 10
	fileSize  = 32 * fileLines
)

// serveFile sends a file of the file system and not a string of the program, so that the gateway's
// way of sending files is the one that is tried: sendfile(2) where the system and the transport
// can.
func serveFile(w gateway.ResponseWriter, r *gateway.Request) error {
	f, err := makeFile()
	if err != nil {
		return fmt.Errorf("demo: file: %w", err)
	}
	defer discard(f)
	if err := w.Headers().AddHeader("Content-Disposition", "attachment", headers.Param{Name: "filename", Value: fileName}); err != nil {
		return err
	}
	err = begin(w, "200 OK",
		headers.Field{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		headers.Field{Name: "Content-Length", Value: strconv.Itoa(fileSize)})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// makeFile returns a new temporary file at its beginning, to be ended by discard.
func makeFile() (*os.File, error) {
	f, err := os.CreateTemp("", "cgikit-demo-*.txt")
	if err != nil {
		return nil, err
	}
	if err := fill(f); err != nil {
		discard(f)
		return nil, err
	}
	return f, nil
}

func fill(f *os.File) error {
	b := bufio.NewWriter(f)
	for n := range fileLines {
		fmt.Fprintf(b, fileLine, n+1)
	}
	if err := b.Flush(); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// discard removes the file after it is closed, which is the order that Windows asks for.
func discard(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
