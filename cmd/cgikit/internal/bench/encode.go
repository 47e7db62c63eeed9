package bench

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// mostRecord is how much content a record has: the most that needs no padding.
const mostRecord = 65528

// encodeFastCGI returns the records of a request.
func encodeFastCGI(m *request.Message, id uint16, keep bool) []byte {
	b := wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: wire.Role(m.Role), KeepConn: keep})
	var pairs []byte
	for name, value := range m.Environ.All() {
		pairs = wire.AppendPair(pairs, name, value)
	}
	b = appendStream(b, wire.TypeParams, id, pairs)
	return appendStream(b, wire.TypeStdin, id, m.Body)
}

// appendStream appends the records of a stream, with the empty one at its end.
func appendStream(dst []byte, t wire.RecordType, id uint16, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), mostRecord)
		dst = wire.AppendRecord(dst, t, id, content[:n])
		content = content[n:]
	}
	return wire.AppendRecord(dst, t, id, nil)
}

// encodeSCGI returns a request. CONTENT_LENGTH is the first variable (SCGI section 4).
func encodeSCGI(m *request.Message) []byte {
	var head strings.Builder
	fmt.Fprintf(&head, "CONTENT_LENGTH\x00%d\x00SCGI\x001\x00", len(m.Body))
	for name, value := range m.Environ.All() {
		if name != "CONTENT_LENGTH" && name != "SCGI" {
			head.WriteString(name + "\x00" + value + "\x00")
		}
	}
	return append(fmt.Appendf(nil, "%d:%s,", head.Len(), head.String()), m.Body...)
}

// encodeHTTP returns a request of HTTP/1.1.
func encodeHTTP(m *request.Message, keep bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", m.Method, m.Path)
	for _, f := range m.Fields {
		if !strings.EqualFold(f.Name, "Content-Length") && !strings.EqualFold(f.Name, "Connection") {
			fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
		}
	}
	if m.Body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(m.Body))
	}
	if !keep {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	return append(b.Bytes(), m.Body...)
}
