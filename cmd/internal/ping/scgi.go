package ping

import (
	"bytes"
	"fmt"
	"io"
	"net"

	"github.com/cgikit/cgikit/gateway"
)

// newNetstring returns a whole request of SCGI, for the given path.
func newNetstring(path string) []byte {
	var variables bytes.Buffer
	for name, value := range newEnviron("scgi", path).All() {
		fmt.Fprintf(&variables, "%s\x00%s\x00", name, value)
	}
	return fmt.Appendf(nil, "%d:%s,", variables.Len(), variables.Bytes())
}

// newHTTPRequest returns a request of HTTP. Version 1.0 asks for an answer without chunks.
func newHTTPRequest(host, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: cgikit-ping\r\nConnection: close\r\n\r\n", path, host)
}

// readToEnd reads a response of SCGI or HTTP/1.0, which ends with the connection.
func readToEnd(conn net.Conn) (answer, error) {
	resp, err := gateway.ReadResponse(io.NopCloser(conn), 0)
	if err != nil {
		return answer{}, err
	}
	return readAnswer(resp)
}
