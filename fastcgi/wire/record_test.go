package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHeader(t *testing.T) {
	got, err := ParseHeader([HeaderSize]byte{1, 5, 0xff, 0xfe, 0x12, 0x34, 7, 99})
	want := Header{Type: TypeStdin, ID: 0xfffe, ContentLength: 0x1234, PaddingLength: 7}
	if got != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	_, err = ParseHeader([HeaderSize]byte{2, 5})
	if e := (*ProtocolError)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("version 2 (F1): got %v", err)
	}
}

func TestAppendRecord(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          []string // contents of the records
	}{
		{"empty", "", []string{""}},
		{"padded", "abc", []string{"abc"}},
		{"whole", strings.Repeat("x", MaxContent), []string{strings.Repeat("x", MaxContent)}},
		{"split", strings.Repeat("x", MaxContent+1), []string{strings.Repeat("x", 65528), strings.Repeat("x", 8)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := AppendRecord([]byte("before"), TypeStdout, 0x0102, []byte(c.content))
			rest, ok := bytes.CutPrefix(out, []byte("before"))
			if !ok || len(rest)%8 != 0 {
				t.Fatalf("got %d bytes behind %.6q; want a multiple of 8 (F3)", len(rest), out)
			}
			r := NewRecordReader(bytes.NewReader(rest))
			for _, want := range c.want {
				h, content, err := r.Next()
				if err != nil || h.Type != TypeStdout || h.ID != 0x0102 || string(content) != want {
					t.Errorf("got %+v, %d bytes, %v; want %d bytes", h, len(content), err, len(want))
				}
				if padding := r.content[len(content) : len(content)+h.PaddingLength]; strings.Trim(string(padding), "\x00") != "" {
					t.Errorf("padding %q is not zero (F3)", padding)
				}
			}
			if _, _, err := r.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

// TestRecordReader reads records that are cut off at every byte, and records that arrive byte by
// byte.
func TestRecordReader(t *testing.T) {
	one := "\x01\x05\x00\x07\x00\x03\x05\x00abc#####"
	for i := range one {
		r := NewRecordReader(strings.NewReader(one[:i]))
		want := io.ErrUnexpectedEOF
		if i == 0 {
			want = io.EOF
		}
		if _, _, err := r.Next(); err != want {
			t.Errorf("cut at %d: got %v; want %v", i, err, want)
		}
	}
	for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		r := NewRecordReader(wrap(strings.NewReader(one + one)))
		for range 2 {
			if h, content, err := r.Next(); string(content) != "abc" || h.ID != 7 || err != nil {
				t.Errorf("got %+v, %q, %v", h, content, err)
			}
		}
	}
}

func TestBeginAndEndRequest(t *testing.T) {
	for _, want := range []BeginRequest{{Role: RoleResponder}, {Role: 0x0102, KeepConn: true}} {
		record := AppendBeginRequest(nil, 3, want)
		if got, err := ParseBeginRequest(record[HeaderSize:]); got != want || err != nil {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	want := EndRequest{AppStatus: 0x01020304, ProtocolStatus: Overloaded}
	record := AppendEndRequest(nil, 3, want)
	if string(record) != "\x01\x03\x00\x03\x00\x08\x00\x00\x01\x02\x03\x04\x02\x00\x00\x00" {
		t.Errorf("END_REQUEST is %q (F19)", record)
	}
	if got, err := ParseEndRequest(record[HeaderSize:]); got != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, n := range []int{0, 7, 9} {
		_, beginErr := ParseBeginRequest(make([]byte, n))
		_, endErr := ParseEndRequest(make([]byte, n))
		if e := (*ProtocolError)(nil); !errors.As(beginErr, &e) || !errors.As(endErr, &e) {
			t.Errorf("%d bytes: got %v and %v", n, beginErr, endErr)
		}
	}
}

func TestProtocolStatus(t *testing.T) {
	for s, want := range map[ProtocolStatus]string{0: "FCGI_REQUEST_COMPLETE", 3: "FCGI_UNKNOWN_ROLE", 4: "protocol status 4"} {
		if got := s.String(); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

// TestPairs checks F8 and F9.
func TestPairs(t *testing.T) {
	long := strings.Repeat("v", 128)
	for _, c := range []struct{ name, data, key, value, rest string }{
		{"short", "\x01\x02abbcd", "a", "bb", "cd"},
		{"empty", "\x00\x00", "", "", ""},
		{"long value", "\x01\x80\x00\x00\x80a" + long + "z", "a", long, "z"},
		{"long name", "\x80\x00\x00\x80\x00" + long, long, "", ""},
		{"four bytes for a small number", "\x80\x00\x00\x01\x80\x00\x00\x01ab", "a", "b", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, value, rest, err := CutPair(c.data)
			if key != c.key || value != c.value || rest != c.rest || err != nil {
				t.Errorf("got %q=%q, rest %q, %v", key, value, rest, err)
			}
			for i := range len(c.data) - len(c.rest) {
				if _, _, _, err := CutPair(c.data[:i]); !isProtocolError(err) {
					t.Errorf("cut at %d: got %v; want a ProtocolError", i, err)
				}
			}
		})
	}
	// CVE-2025-23016: lengths whose sum overflows 32 bits.
	if _, _, _, err := CutPair("\xff\xff\xff\xff\xff\xff\xff\xff" + long); !isProtocolError(err) {
		t.Errorf("two lengths of 2 GiB: got %v", err)
	}
	for n, want := range map[int]string{127: "\x7f", 128: "\x80\x00\x00\x80"} {
		if got := AppendPair(nil, "", strings.Repeat("v", n))[1:]; !strings.HasPrefix(string(got), want) {
			t.Errorf("length %d is written %.4q; want %q", n, got, want)
		}
	}
}

func isProtocolError(err error) bool {
	e := (*ProtocolError)(nil)
	return errors.As(err, &e)
}

func TestDecodePairs(t *testing.T) {
	raw := AppendPair(AppendPair(AppendPair(nil, "B", "1"), "A", ""), "B", "2")
	e, err := DecodePairs(raw, 3)
	clear(raw) // the environ must not share this memory
	if err != nil || strings.Join(e.List(), " ") != "A= B=2" || e.Len() != 3 {
		t.Errorf("got %v, %v; want B, A and B again", e.List(), err)
	}
	raw = bytes.Repeat([]byte{0, 0}, 10)
	if _, err := DecodePairs(raw, 9); err != ErrTooManyPairs {
		t.Errorf("10 variables, where 9 may be: %v", err)
	}
	if e, err := DecodePairs(raw, -1); err != nil || e.Len() != 10 {
		t.Errorf("without a bound: %v", err)
	}
	if e, err := DecodePairs(nil, 0); err != nil || e.Len() != 0 {
		t.Errorf("none: %v", err)
	}
}

// TestDecodePairsAllocations bounds the allocations of an ordinary request: its bytes, and the
// environ.
func TestDecodePairsAllocations(t *testing.T) {
	var raw []byte
	for range 30 {
		raw = AppendPair(raw, "HTTP_ACCEPT_LANGUAGE", "en")
	}
	if n := testing.AllocsPerRun(100, func() { DecodePairs(raw, 100) }); n > 2 {
		t.Errorf("%v allocations; want 2", n)
	}
}

func FuzzPairs(f *testing.F) {
	f.Add("\x01\x02abb\x80\x00\x00\x01\x00c", "name", "value")
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff", "", strings.Repeat("v", 200))
	f.Fuzz(func(t *testing.T, data, name, value string) {
		e, err := DecodePairs([]byte(data), -1)
		if err == nil {
			again := []byte(nil)
			for name, value := range e.All() {
				again = AppendPair(again, name, value)
			}
			if len(again) > len(data) { // a four-byte length may become shorter, never longer
				t.Errorf("%q became %q", data, again)
			}
			e2, err := DecodePairs(again, -1)
			if err != nil || strings.Join(e2.List(), "\n") != strings.Join(e.List(), "\n") {
				t.Errorf("%q does not survive: %v", data, err)
			}
		} else if !isProtocolError(err) {
			t.Errorf("%q: %v is no ProtocolError", data, err)
		}
		gotName, gotValue, rest, err := CutPair(string(AppendPair(nil, name, value)) + data)
		if gotName != name || gotValue != value || rest != data || err != nil {
			t.Errorf("%q=%q came back as %q=%q, rest %q, %v", name, value, gotName, gotValue, rest, err)
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x01\x05\x00\x07\x00\x03\x05\x00abc#####"), []byte("content"))
	f.Add([]byte("\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00"), bytes.Repeat([]byte("x"), MaxContent+9))
	f.Fuzz(func(t *testing.T, data, content []byte) {
		r := NewRecordReader(bytes.NewReader(data))
		read := 0
		for {
			h, c, err := r.Next()
			if err != nil {
				if !isProtocolError(err) && err != io.EOF && err != io.ErrUnexpectedEOF {
					t.Errorf("%q: %v", data, err)
				}
				break
			}
			read += HeaderSize + h.ContentLength + h.PaddingLength
			if len(c) != h.ContentLength || read > len(data) {
				t.Fatalf("%q: %+v with %d bytes, %d in all", data, h, len(c), read)
			}
		}
		var joined []byte
		r = NewRecordReader(bytes.NewReader(AppendRecord(nil, TypeStdout, 1, content)))
		for h, c, err := r.Next(); err == nil; h, c, err = r.Next() {
			if h.Type != TypeStdout || h.ID != 1 {
				t.Errorf("got %+v", h)
			}
			joined = append(joined, c...)
		}
		if !bytes.Equal(joined, content) {
			t.Errorf("%q came back as %q", content, joined)
		}
	})
}
