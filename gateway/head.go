package gateway

import (
	"strconv"
	"time"

	"github.com/cgikit/cgikit/headers"
)

// appendHead appends the head of a CGI response (RFC 3875 section 6.2): Status first, whatever it
// is, because servers differ in what they take a missing one for.
func appendHead(b []byte, status string, fields *headers.Headers) []byte {
	b = append(b, "Status: "...)
	b = append(b, status...)
	b = append(b, "\r\n"...)
	b = fields.AppendTo(b)
	return append(b, "\r\n"...)
}

// client is what the client of an OriginServer speaks.
type client int

const (
	clientHTTP10 client = iota // also where SERVER_PROTOCOL is missing or odd: SSI's INCLUDED
	clientHTTP09               // takes no head, only a body
	clientHTTP11               // takes chunks
)

func clientOf(protocol string) client {
	switch {
	case equalFold(protocol, "HTTP/0.9"):
		return clientHTTP09
	case equalFold(protocol, "HTTP/1.1"):
		return clientHTTP11
	}
	return clientHTTP10
}

// appendOriginHead appends the head of an HTTP response: wsgiref's origin_server, what an nph
// script sends (RFC 3875 section 5). The connection ends with the response; a body of unknown
// length is chunked where the client knows chunks, so that a broken one is seen to be broken.
func (w *response) appendOriginHead(b []byte) []byte {
	if w.client == clientHTTP09 {
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
	if w.declared == unknownLength && !w.bodyless && w.client == clientHTTP11 && w.h.httpVersion() == "1.1" {
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

// chunkMost bounds a chunk, in bytes: one is put together in a buffer to go out in one write, and a
// large Write must not make a large buffer.
const chunkMost = 32 << 10

func (w *response) emitChunk(p []byte) error {
	out := getBuffer()
	defer out.release()
	for len(p) > 0 {
		n := min(len(p), chunkMost)
		out.data = w.appendBody(out.data[:0], p[:n])
		if err := w.send(out.data); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// endChunks ends a whole chunked body; a broken one never gets here.
func (w *response) endChunks() error {
	if !w.chunked {
		return nil
	}
	return w.send([]byte("0\r\n\r\n"))
}
