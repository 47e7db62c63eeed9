package gatewaytest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

// TestContent checks that a file has the same bytes as the reader, also when it ends within a mark.
func TestContent(t *testing.T) {
	for _, c := range []content{0, 1, contentBlock - 1, contentBlock, contentBlock + 3, 3*contentBlock + 100} {
		f, err := os.Create(filepath.Join(t.TempDir(), "content"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.write(f); err != nil {
			t.Fatal(err)
		}
		if err := c.compare(f); err != nil {
			t.Errorf("%d: the file: %v", c, err)
		}
		f.Close()
		if err := c.compare(iotest.OneByteReader(c.reader())); err != nil {
			t.Errorf("%d: the reader: %v", c, err)
		}
	}
}

// TestContentDiffers checks that compare finds every loss.
func TestContentDiffers(t *testing.T) {
	const c content = 2*contentBlock + 1
	whole, _ := io.ReadAll(c.reader())
	damaged := bytes.Clone(whole)
	damaged[contentBlock/2]++
	for name, got := range map[string][]byte{
		"short":      whole[:len(whole)-1],
		"long":       append(bytes.Clone(whole), 0),
		"empty":      nil,
		"damaged":    damaged,
		"byte lost":  whole[1:],
		"block lost": append(bytes.Clone(whole[:contentBlock]), whole[2*contentBlock:]...),
		"swapped":    append(append(bytes.Clone(whole[contentBlock:2*contentBlock]), whole[:contentBlock]...), whole[2*contentBlock:]...),
	} {
		if c.compare(bytes.NewReader(got)) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	if c.compare(iotest.TimeoutReader(bytes.NewReader(whole))) == nil {
		t.Error("an error on the way was not noticed")
	}
}
