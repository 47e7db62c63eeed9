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

// serveFile sends a file of the file system rather than a string, in order to test how the gateway
// sends files: by sendfile(2) if the system and the transport support it.
func serveFile(w gateway.ResponseWriter, r *gateway.Request) error {
	f, err := makeFile()
	if err != nil {
		return fmt.Errorf("demo: file: %w", err)
	}
	defer removeFile(f)
	if err := w.Headers().AddHeader("Content-Disposition", "attachment", headers.Param{Name: "filename", Value: fileName}); err != nil {
		return err
	}
	err = startResponse(w, "200 OK",
		headers.Field{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		headers.Field{Name: "Content-Length", Value: strconv.Itoa(fileSize)})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// makeFile returns a new temporary file, with the offset at its start. removeFile must follow.
func makeFile() (*os.File, error) {
	f, err := os.CreateTemp("", "cgikit-demo-*.txt")
	if err != nil {
		return nil, err
	}
	if err := writeLines(f); err != nil {
		removeFile(f)
		return nil, err
	}
	return f, nil
}

func writeLines(f *os.File) error {
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

// removeFile closes f and then removes it. Windows requires this order.
func removeFile(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
