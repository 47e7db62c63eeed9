package fastcgi

import "github.com/cgikit/cgikit/fastcgi/wire"

// appendFlushed appends content, at most MaxContent bytes, as a record that ends with it: nginx 1.22.1 takes padding behind a
// head for the beginning of the body, and keeps both until more comes.
func appendFlushed(dst []byte, t wire.RecordType, id uint16, content []byte) []byte {
	return wire.AppendPadded(dst, t, id, content, 0)
}

// appendError appends content, at most fullRecord bytes, as a STDERR record that has padding behind it in any case: HAProxy crashes
// on one whose last byte is the last that it has read (2.6.12; mended in 2023 by its commit 665703d).
func appendError(dst []byte, id uint16, content []byte) []byte {
	return wire.AppendPadded(dst, wire.TypeStderr, id, content, 8-len(content)&7)
}
