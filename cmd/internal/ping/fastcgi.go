package ping

import (
	"bufio"
	"fmt"
	"io"
	"net"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// newGetValues returns the question for the three values of FastCGI section 4.1. A FastCGI
// application drops the padding of the record. To a server that waits for HTTP it is the end of a
// head: so that server answers too, in its own way.
//
// php-fpm 8.2.36 answers it without any configuration. Its status page then counts the worker that
// did as active and not as idle, until the master process counts anew, which it does each second.
func newGetValues() []byte {
	var names []byte
	for _, name := range []string{"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"} {
		names = wire.AppendPair(names, name, "")
	}
	const padding = "\r\n\r\n"
	record := wire.AppendPadded(nil, wire.TypeGetValues, 0, names, len(padding))
	copy(record[len(record)-len(padding):], padding)
	return record
}

// readValues reads the answer to getValues. FCGI_UNKNOWN_TYPE is one too: the application has read
// the question.
func readValues(conn net.Conn) (answer, error) {
	h, content, err := wire.NewRecordReader(conn).Next()
	if err != nil {
		return answer{}, err
	}
	if h.Type != wire.TypeGetValuesResult && h.Type != wire.TypeUnknownType {
		return answer{}, fmt.Errorf("FCGI_GET_VALUES was answered by a record of type %d", h.Type)
	}
	a := answer{values: make(map[string]string)}
	for data := string(content); h.Type == wire.TypeGetValuesResult && data != ""; {
		name, value, rest, err := wire.CutPair(data)
		if err != nil {
			return answer{}, err
		}
		a.values[name], data = value, rest
	}
	return a, nil
}

// newRequest returns a whole request of FastCGI, on a connection that is then closed.
func newRequest(path string) (message []byte) {
	const id = 1
	var params []byte
	for name, value := range newEnviron("fastcgi", path).All() {
		params = wire.AppendPair(params, name, value)
	}
	message = wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: wire.RoleResponder})
	message = wire.AppendRecord(message, wire.TypeParams, id, params)
	message = wire.AppendRecord(message, wire.TypeParams, id, nil)
	return wire.AppendRecord(message, wire.TypeStdin, id, nil)
}

// readResponse reads the answer to newRequest.
func readResponse(conn net.Conn) (answer, error) {
	resp, err := gateway.ReadResponse(&stdoutReader{records: wire.NewRecordReader(bufio.NewReader(conn))}, 0)
	if err != nil {
		return answer{}, err
	}
	return readAnswer(resp)
}

// stdoutReader is what the application writes to FCGI_STDOUT. It ends with FCGI_END_REQUEST.
type stdoutReader struct {
	records *wire.RecordReader
	content []byte // not read yet
}

// Read implements io.Reader.
func (r *stdoutReader) Read(p []byte) (int, error) {
	for len(r.content) == 0 {
		h, content, err := r.records.Next()
		switch {
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case h.Type == wire.TypeEndRequest:
			return 0, parseEnd(content)
		case h.Type == wire.TypeStdout:
			r.content = content
		case h.Type != wire.TypeStderr:
			return 0, fmt.Errorf("a request was answered by a record of type %d", h.Type)
		}
	}
	n := copy(p, r.content)
	r.content = r.content[n:]
	return n, nil
}

// Close implements io.Closer. The connection is closed by its owner.
func (r *stdoutReader) Close() error { return nil }

// parseEnd is io.EOF for a request that is complete.
func parseEnd(content []byte) error {
	end, err := wire.ParseEndRequest(content)
	switch {
	case err != nil:
		return err
	case end.ProtocolStatus == wire.RequestComplete:
		return io.EOF
	case end.ProtocolStatus == wire.Overloaded:
		return newTrouble(Busy, "", "it answers FCGI_OVERLOADED")
	}
	return fmt.Errorf("it answers %v", end.ProtocolStatus)
}
