package httpapp

import "net/http"

// sniffLength is how many bytes http.DetectContentType looks at.
const sniffLength = 512

// sniffer keeps the first bytes of a body until its type can be told. net/http sniffs what its
// first 2 KiB buffer holds when it is flushed, so a handler that writes a page in small pieces gets
// the same type as one that writes it at once. The gateway holds a head back for longer than this
// needs.
type sniffer struct {
	open  bool // the response has no type and the bytes seen do not settle it yet
	n     int
	bytes [sniffLength]byte
}

// take looks at p, which is about to be written, and reports whether that is enough. It is no
// method because a string and a slice of bytes are to cost nothing alike.
func take[T string | []byte](s *sniffer, p T) bool {
	if s.open {
		s.n += copy(s.bytes[s.n:], p)
	}
	return s.open && s.n == sniffLength
}

// sniffs says whether the response to the handler's fields is one that net/http sniffs: a key
// without values counts as a type, an empty Content-Encoding as none.
func (w *responseWriter) sniffs(header http.Header) bool {
	_, typed := header["Content-Type"]
	return !typed && header.Get("Content-Encoding") == "" && header.Get("Transfer-Encoding") == "" && bodyAllowed(w.status)
}

// sniff settles the type by the bytes seen so far. A response that is flushed before its first byte
// has none.
func (w *responseWriter) sniff() {
	s := &w.sniffer
	if s.open && s.n > 0 {
		// too late only where the App around us flushed
		_ = w.out.Headers().Set("Content-Type", http.DetectContentType(s.bytes[:s.n]))
	}
	s.open = false
}
