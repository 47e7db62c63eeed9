package util_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/util"
)

var errTest = errors.New("test error")

// blocks collects the blocks of w as strings, and the error at the end.
func blocks(w *util.FileWrapper) (list []string, err error) {
	for block, err := range w.Blocks() {
		if err != nil {
			if block != nil {
				list = append(list, "block beside the error: "+string(block))
			}
			return list, err
		}
		list = append(list, string(block))
	}
	return list, nil
}

func TestFileWrapperBlocks(t *testing.T) {
	long := strings.Repeat("x", 8192)
	tests := []struct {
		name      string
		r         io.Reader
		blockSize int
		want      []string
		err       error
	}{
		{"whole blocks and a rest", strings.NewReader("abcdefgh"), 3, []string{"abc", "def", "gh"}, nil},
		{"no rest", strings.NewReader("abcdef"), 3, []string{"abc", "def"}, nil},
		{"empty", strings.NewReader(""), 3, nil, nil},
		{"zero is 8192", strings.NewReader(long + "y"), 0, []string{long, "y"}, nil},
		{"less than zero is 8192", strings.NewReader(long + "y"), -1, []string{long, "y"}, nil},
		{"short reads are not joined", iotest.OneByteReader(strings.NewReader("abc")), 3, []string{"a", "b", "c"}, nil},
		{"the end beside the last bytes", iotest.DataErrReader(strings.NewReader("abcd")), 3, []string{"abc", "d"}, nil},
		{"an error", io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(errTest)), 3, []string{"abc", "d"}, errTest},
		{"an error beside bytes", iotest.DataErrReader(io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(errTest))), 3,
			[]string{"abc", "d"}, errTest},
		{"reads of nothing are not the end", &hesitant{r: strings.NewReader("abc"), pauses: 99}, 3, []string{"abc"}, nil},
		{"a reader that is stuck", &hesitant{r: strings.NewReader("abc"), pauses: 100}, 3, nil, io.ErrNoProgress},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := blocks(util.NewFileWrapper(test.r, test.blockSize))
			if !slices.Equal(got, test.want) || err != test.err {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
		})
	}
}

// hesitant returns no byte and no error before its first byte.
type hesitant struct {
	r      io.Reader
	pauses int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.pauses > 0 {
		h.pauses--
		return 0, nil
	}
	return h.r.Read(p)
}

// TestFileWrapperBlocksGoesOn: after a break a new loop continues at the same position, and after
// the end it has no blocks.
func TestFileWrapperBlocksGoesOn(t *testing.T) {
	w := util.NewFileWrapper(strings.NewReader("abcdef"), 2)
	for block := range w.Blocks() {
		if string(block) != "ab" {
			t.Fatalf("got %q; want ab", block)
		}
		break
	}
	for _, want := range [][]string{{"cd", "ef"}, nil} {
		if got, err := blocks(w); !slices.Equal(got, want) || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

// closeCounter counts how often it was closed.
type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error {
	c.closed++
	return errTest
}

func TestFileWrapperClose(t *testing.T) {
	c := &closeCounter{Reader: strings.NewReader("abc")}
	w := util.NewFileWrapper(c, 2)
	if _, err := blocks(w); err != nil || c.closed != 0 {
		t.Errorf("after the blocks: closed %d times, %v; want 0, nil", c.closed, err)
	}
	if err := w.Close(); err != errTest || c.closed != 1 {
		t.Errorf("Close: closed %d times, %v; want 1 and the reader's error", c.closed, err)
	}
	if err := w.Close(); err != nil || c.closed != 1 {
		t.Errorf("second Close: closed %d times, %v; want 1, nil", c.closed, err)
	}
}

func TestFileWrapperCloseWithoutCloser(t *testing.T) {
	w := util.NewFileWrapper(strings.NewReader("abc"), 0)
	if err := w.Close(); err != nil {
		t.Errorf("Close: got %v; want nil", err)
	}
	if got, err := io.ReadAll(w); string(got) != "abc" || err != nil {
		t.Errorf("got %q, %v; want abc: there was nothing to close", got, err)
	}
}

func TestFileWrapperRead(t *testing.T) {
	if err := iotest.TestReader(util.NewFileWrapper(strings.NewReader("abcdefgh"), 3), []byte("abcdefgh")); err != nil {
		t.Error(err)
	}
}

// readerFrom is a destination such as a socket, which checks the type of its source.
type readerFrom struct {
	bytes.Buffer
	from io.Reader
}

func (d *readerFrom) ReadFrom(r io.Reader) (int64, error) {
	d.from = r
	return d.Buffer.ReadFrom(r)
}

// TestFileWrapperCopyShowsTheFile: io.Copy passes the file itself to a destination with ReadFrom,
// since sendfile needs it.
func TestFileWrapperCopyShowsTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(name, []byte("abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	w := util.NewFileWrapper(f, 2)
	defer w.Close()
	if w.Unwrap() != io.Reader(f) {
		t.Errorf("Unwrap: got %T; want the file", w.Unwrap())
	}
	var dst readerFrom
	n, err := io.Copy(&dst, w)
	if n != 6 || err != nil || dst.String() != "abcdef" {
		t.Errorf("got %d, %v, %q; want 6 bytes", n, err, dst.String())
	}
	if dst.from != io.Reader(f) {
		t.Errorf("ReadFrom was given a %T; want the file", dst.from)
	}
}

// blockWriter records each Write. At the one numbered failAt it fails, or writes short bytes less.
type blockWriter struct {
	writes []string
	failAt int
	short  int
}

func (d *blockWriter) Write(p []byte) (int, error) {
	d.writes = append(d.writes, string(p))
	if len(d.writes) != d.failAt {
		return len(p), nil
	}
	if d.short > 0 {
		return len(p) - d.short, nil
	}
	return 1, errTest
}

// TestFileWrapperCopyInBlocks: a destination without ReadFrom gets a Write for each block.
func TestFileWrapperCopyInBlocks(t *testing.T) {
	tests := []struct {
		name   string
		r      io.Reader
		dst    blockWriter
		n      int64
		err    error
		writes []string
	}{
		{"whole", strings.NewReader("abcde"), blockWriter{}, 5, nil, []string{"abc", "de"}},
		{"the reader fails", io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(errTest)), blockWriter{}, 4, errTest, []string{"abc", "d"}},
		{"the writer fails", strings.NewReader("abcdefgh"), blockWriter{failAt: 2}, 4, errTest, []string{"abc", "def"}},
		{"the writer takes less", strings.NewReader("abcdefgh"), blockWriter{failAt: 2, short: 1}, 5, io.ErrShortWrite, []string{"abc", "def"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := io.Copy(&test.dst, util.NewFileWrapper(test.r, 3))
			if n != test.n || err != test.err || !slices.Equal(test.dst.writes, test.writes) {
				t.Errorf("got %d, %v, %q; want %d, %v, %q", n, err, test.dst.writes, test.n, test.err, test.writes)
			}
		})
	}
}
