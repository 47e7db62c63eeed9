package gateway

import (
	"strconv"
	"time"

	"github.com/cgikit/cgikit/headers"
)

// appendHead appends the head of a CGI response (RFC 3875 section 6.2). Status is always sent, and
// first, because servers interpret a missing one differently.
func appendHead(b []byte, status string, fields *headers.Headers) []byte {
	b = append(b, "Status: "...)
	b = append(b, status...)
	b = append(b, "\r\n"...)
	b = fields.AppendTo(b)
	return append(b, "\r\n"...)
}

// clientVersion is the HTTP version of the client of an OriginServer.
type clientVersion uint8

const (
	clientHTTP10 clientVersion = iota // also if SERVER_PROTOCOL is missing or not HTTP, such as INCLUDED of SSI
	clientHTTP09                      // accepts no head, only a body
	clientHTTP11                      // accepts chunks
)

func clientVersionOf(protocol string) clientVersion {
	switch {
	case equalFold(protocol, "HTTP/0.9"):
		return clientHTTP09
	case equalFold(protocol, "HTTP/1.1"):
		return clientHTTP11
	}
	return clientHTTP10
}

// appendOriginHead appends the head of an HTTP response, as an nph script sends it (RFC 3875
// section 5); wsgiref calls this origin_server. The connection closes after the response. A body of
// unknown length is chunked if the client accepts chunks, so that the client can detect a broken
// one.
func (w *response) appendOriginHead(b []byte) []byte {
	if w.clientVersion == clientHTTP09 {
		return b
	}
	b = append(b, "HTTP/"...)
	b = append(b, w.h.httpVersion()...)
	b = append(b, ' ')
	b = append(b, w.status...)
	b = append(b, "\r\n"...)
	if !w.headers.Has("Date") {
		b = append(b, "Date: "...)
		b = time.Now().UTC().AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT\r\n")
	}
	if w.h.ServerSoftware != "" && !w.headers.Has("Server") {
		b = append(b, "Server: "...)
		b = append(b, w.h.ServerSoftware...)
		b = append(b, "\r\n"...)
	}
	b = w.headers.AppendTo(b)
	if w.declared == unknownLength && !w.bodyless && w.clientVersion == clientHTTP11 && w.h.httpVersion() == "1.1" {
		w.chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(b, "Connection: close\r\n\r\n"...)
}

// appendBody appends body bytes in the framing of the response.
func (w *response) appendBody(b, p []byte) []byte {
	if !w.chunked || len(p) == 0 {
		return append(b, p...)
	}
	b = strconv.AppendInt(b, int64(len(p)), 16)
	b = append(b, "\r\n"...)
	b = append(b, p...)
	return append(b, "\r\n"...)
}

// maxChunk limits a chunk, in bytes. Each chunk is copied to a buffer to be sent in one write, and
// a large Write must not need a large buffer.
const maxChunk = 32 << 10

func (w *response) sendChunks(p []byte) error {
	out := getBuffer()
	defer out.release()
	for len(p) > 0 {
		n := min(len(p), maxChunk)
		out.data = w.appendBody(out.data[:0], p[:n])
		if err := w.send(out.data); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// sendLastChunk ends a chunked body that is complete. It is not called for a broken one.
func (w *response) sendLastChunk() error {
	if !w.chunked {
		return nil
	}
	return w.send([]byte("0\r\n\r\n"))
}
