package gatewaytest

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// pattern returns n bytes with a prime period, so that a lost or moved block changes them.
func pattern(n int) []byte {
	unit := make([]byte, 251)
	for i := range unit {
		unit[i] = byte(i)
	}
	return bytes.Repeat(unit, n/len(unit)+1)[:n]
}

// content is a number of bytes that are too many for memory: zeros, with a number at the beginning
// of every block. As a file it is sparse, so that a CGI program can make it for every request.
type content int64

const contentBlock = 32 << 10

func mark(block int64) string { return fmt.Sprintf("%08d", block) }

// ReadAt implements io.ReaderAt. Callers here never read beyond the end.
func (c content) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	for block := off / contentBlock; block*contentBlock < off+int64(len(p)); block++ {
		text, at := mark(block), block*contentBlock-off
		if at < 0 {
			text, at = text[min(-at, int64(len(text))):], 0
		}
		copy(p[at:], text)
	}
	return len(p), nil
}

func (c content) reader() io.Reader { return io.NewSectionReader(c, 0, int64(c)) }

// write writes c to the empty file f.
func (c content) write(f *os.File) error {
	if err := f.Truncate(int64(c)); err != nil {
		return err
	}
	for off := int64(0); off < int64(c); off += contentBlock {
		text := mark(off / contentBlock)
		if _, err := f.WriteAt([]byte(text[:min(int64(len(text)), int64(c)-off)]), off); err != nil {
			return err
		}
	}
	return nil
}

// compare reads r to its end and returns an error if its bytes are not c.
func (c content) compare(r io.Reader) error {
	got, want := make([]byte, contentBlock), make([]byte, contentBlock)
	for off := int64(0); ; {
		n, err := io.ReadFull(r, got)
		c.ReadAt(want[:n], off)
		end := off + int64(n)
		switch {
		case !bytes.Equal(got[:n], want[:n]):
			return fmt.Errorf("bytes %d to %d differ", off, end)
		case end > int64(c) || err != nil && end == int64(c) && err != io.EOF && err != io.ErrUnexpectedEOF:
			return fmt.Errorf("more than %d bytes, %v", int64(c), err)
		case err != nil && end < int64(c):
			return fmt.Errorf("%d of %d bytes, %w", end, int64(c), err)
		case err != nil:
			return nil
		}
		off = end
	}
}
