package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxVector bounds what a Vector keeps.
const maxVector = 1 << 20

// Vector is the Sink that keeps what the web server sent on the first connection, as a test vector:
// a header of lines "key: value", a blank line and the bytes. "cgikit request --replay" sends it.
type Vector struct {
	sent bytes.Buffer
	full bool
	note string // the first request line
}

// Event implements Sink.
func (v *Vector) Event(e *Event) {
	if e.Conn != 1 || e.Direction != ToApp || len(e.Raw) == 0 || v.full {
		return
	}
	if v.sent.Len()+len(e.Raw) > maxVector {
		v.full = true
		return
	}
	if v.note == "" && (e.Kind == "PARAMS" || e.Kind == "head") {
		v.note = e.Note
	}
	v.sent.Write(e.Raw)
}

// WriteTo writes the vector. Where the connection sent more than 1 MiB, it has whole records up to
// that size, and says so.
func (v *Vector) WriteTo(w io.Writer) (int64, error) {
	if v.sent.Len() == 0 {
		return 0, errors.New("nothing was sent, so there is no vector to save")
	}
	comment := "recorded by cgikit trace: " + v.note
	if v.full {
		comment += fmt.Sprintf("; cut after %d bytes", v.sent.Len())
	}
	n, err := fmt.Fprintf(w, "comment: %s\n\n%s", comment, v.sent.Bytes())
	return int64(n), err
}

// ReadVector returns the bytes of a vector, without its header.
func ReadVector(file []byte) ([]byte, error) {
	_, sent, ok := bytes.Cut(file, []byte("\n\n"))
	if !ok || len(sent) == 0 {
		return nil, errors.New("it is not a vector: a header of lines \"key: value\", a blank line and bytes")
	}
	return sent, nil
}
