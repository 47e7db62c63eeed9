package client

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// TestValuesPadding: FCGI_GET_VALUES has padding whatever its names are, up to a multiple of 8
// bytes. libfcgi 2.4.2 does not answer one without.
func TestValuesPadding(t *testing.T) {
	for n := range 9 {
		var sent bytes.Buffer
		fetchValues(&sent, wire.NewRecordReader(strings.NewReader("")), []string{strings.Repeat("x", n)})
		h, err := wire.ParseHeader([wire.HeaderSize]byte(sent.Bytes()[:wire.HeaderSize]))
		if err != nil || h.PaddingLength == 0 || sent.Len()%8 != 0 || sent.Len() != wire.HeaderSize+h.ContentLength+h.PaddingLength {
			t.Errorf("a name of %d bytes: got %d bytes with header %+v, %v", n, sent.Len(), h, err)
		}
	}
}
