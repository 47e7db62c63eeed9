package httpapp

import "net/http"

// sniffLength is the number of bytes that http.DetectContentType uses.
const sniffLength = 512

// sniffer keeps the first bytes of a body until its type can be detected. net/http sniffs its first
// buffer of 2 KiB when it is flushed, so a handler that writes a page in small pieces gets the same
// type as one that writes it at once. The gateway buffers the body for long enough before it
// commits the head.
type sniffer struct {
	active bool // the response needs a type, and more bytes are needed to detect it
	n      int
	bytes  [sniffLength]byte
}

// collect keeps the beginning of p, which is about to be written, and reports whether s has enough
// bytes. It is a generic function, so that neither a string nor a slice of bytes is copied to the
// other type.
func collect[T string | []byte](s *sniffer, p T) bool {
	if s.active {
		s.n += copy(s.bytes[s.n:], p)
	}
	return s.active && s.n == sniffLength
}

// needsSniffing reports whether net/http would sniff a response with the handler's fields. A
// Content-Type key without values counts as a type, an empty Content-Encoding as none.
func (w *responseWriter) needsSniffing(header http.Header) bool {
	_, typed := header["Content-Type"]
	return !typed && header.Get("Content-Encoding") == "" && header.Get("Transfer-Encoding") == "" && bodyAllowed(w.status)
}

// sniff sets the type from the bytes collected so far. A response that is flushed before its first
// byte gets none.
func (w *responseWriter) sniff() {
	s := &w.sniffer
	if s.active && s.n > 0 {
		// fails only if an outer App has flushed
		_ = w.out.Headers().Set("Content-Type", http.DetectContentType(s.bytes[:s.n]))
	}
	s.active = false
}
