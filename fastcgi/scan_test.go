package fastcgi

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
)

// scanned is a record as a scanner and a RecordReader both tell it.
type scanned struct {
	wire.Header
	content string
}

// scanAll cuts what comes from r into records, the way a connection does, through a buffer of that
// size. It checks what a piece promises on the way.
func scanAll(t *testing.T, r io.Reader, size int) (records []scanned, s scanner, left int, err error) {
	t.Helper()
	buf, end, content := make([]byte, size), 0, []byte(nil)
	for {
		n, readErr := r.Read(buf[end:])
		end += n
		start := 0
		for start < end {
			p, n, ok, err := s.nextPiece(buf[start:end])
			if n < 0 || n > end-start || !ok && n == 0 && end-start >= wire.HeaderSize && err == nil {
				t.Fatalf("took %d of %d bytes", n, end-start)
			}
			start += n
			if err != nil {
				return records, s, end - start, err
			}
			if !ok {
				break
			}
			if content = append(content, p.content...); !p.last {
				continue
			}
			if p.Type == wire.TypeBeginRequest || p.Type == wire.TypeGetValues {
				content = p.content // must be whole, whatever came before
			}
			records, content = append(records, scanned{p.Header, string(content)}), nil
		}
		end = copy(buf, buf[start:end])
		if readErr != nil {
			return records, s, end, readErr
		}
	}
}

// readAll is what a RecordReader makes of the same.
func readAll(data []byte) (records []scanned, err error) {
	r := wire.NewRecordReader(bytes.NewReader(data))
	for {
		h, content, err := r.Next()
		if err != nil {
			return records, err
		}
		records = append(records, scanned{h, string(content)})
	}
}

// checkScan compares the two for one stream in one way of delivery. A scanner hands a record on
// before its padding has come, so it may have one more.
func checkScan(t *testing.T, data []byte, r io.Reader, size int) {
	t.Helper()
	want, wantErr := readAll(data)
	got, s, left, err := scanAll(t, r, size)
	if len(got) == len(want)+1 && s.padding > 0 && wantErr == io.ErrUnexpectedEOF {
		got = got[:len(want)]
	}
	if len(got) != len(want) {
		t.Fatalf("%q: got %d records; want %d", data, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q: record %d is %+v; want %+v", data, i, got[i], want[i])
		}
	}
	switch {
	case isProtocolError(err) || isProtocolError(wantErr):
		if err == nil || wantErr == nil || err.Error() != wantErr.Error() {
			t.Errorf("%q: got %v; want %v", data, err, wantErr)
		}
	case (s.within() || left > 0) != (wantErr == io.ErrUnexpectedEOF):
		t.Errorf("%q: within a record: %t, %d bytes left; want %v", data, s.within(), left, wantErr)
	}
}

// checkSplits goes through the ways in which bytes may come, and the buffers that they may come
// into: the smallest, one that cuts most records, and a connection's.
func checkSplits(t *testing.T, data []byte) {
	t.Helper()
	for _, size := range []int{wire.HeaderSize, 61, len(inBuffer{})} {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader,
		} {
			checkScan(t, data, wrap(bytes.NewReader(data)), size)
		}
	}
}

func TestScan(t *testing.T) {
	long := strings.Repeat("x", wire.MaxContent)
	whole := func(t wire.RecordType, content string, padding int) string {
		return string(wire.AppendPadded(nil, t, 0x0102, []byte(content), padding))
	}
	for _, c := range []struct{ name, data string }{
		{"nothing", ""},
		{"empty record", whole(wire.TypeStdin, "", 0)},
		{"empty record with padding", whole(wire.TypeStdin, "", wire.MaxPadding)},
		{"largest record (F2)", whole(wire.TypeStdin, long, wire.MaxPadding) + whole(wire.TypeStdin, "next", 0)},
		{"GET_VALUES in pieces", whole(wire.TypeGetValues, long, wire.MaxPadding) + whole(wire.TypeGetValues, "again", 3)},
		{"BEGIN_REQUEST in pieces", strings.Repeat(whole(wire.TypeBeginRequest, "12345678", 0), 3)},
		{"empty BEGIN_REQUEST", whole(wire.TypeBeginRequest, "", 0) + whole(wire.TypeBeginRequest, "", 9)},
		{"padding that looks like a record", "\x01\x05\x00\x01\x00\x02\x08\x00ab" + whole(wire.TypeAbortRequest, "", 0)},
		{"another version behind a record", whole(wire.TypeStdin, "x", 1) + "\x02\x05\x00\x01\x00\x00\x00\x00"},
		{"another version at once", "GET / HTTP/1.1\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) { checkSplits(t, []byte(c.data)) })
	}
	for _, v := range vectors.Load(t, "../testdata/fastcgi") {
		t.Run(v.Name, func(t *testing.T) {
			for i := range len(v.Data) + 1 {
				checkScan(t, v.Data[:i], bytes.NewReader(v.Data[:i]), 1024)
				checkScan(t, v.Data, io.MultiReader(bytes.NewReader(v.Data[:i]), bytes.NewReader(v.Data[i:])), 1024)
			}
			checkSplits(t, v.Data)
		})
	}
}

// TestScanHandsOnAtOnce: what an App reads must not wait for the rest of its record.
func TestScanHandsOnAtOnce(t *testing.T) {
	s := scanner{}
	data := wire.AppendPadded(nil, wire.TypeStdin, 1, []byte("abc"), 5)
	p, n, ok, err := s.nextPiece(data[:wire.HeaderSize+2])
	if string(p.content) != "ab" || p.last || n != wire.HeaderSize+2 || !ok || err != nil {
		t.Errorf("of a part: got %+v, %d, %t, %v", p, n, ok, err)
	}
	p, n, ok, err = s.nextPiece(data[wire.HeaderSize+2 : wire.HeaderSize+4])
	if string(p.content) != "c" || !p.last || n != 2 || !ok || err != nil {
		t.Errorf("of the rest: got %+v, %d, %t, %v; want the padding taken too", p, n, ok, err)
	}
	if !s.within() {
		t.Error("padding is to come, and it says that nothing is")
	}
}

// TestScanAllocations: records that come in one piece are not copied.
func TestScanAllocations(t *testing.T) {
	data := wire.AppendBeginRequest(nil, 1, wire.BeginRequest{Role: RoleResponder})
	data = wire.AppendRecord(data, wire.TypeParams, 1, []byte("some"))
	s := scanner{}
	if n := testing.AllocsPerRun(100, func() {
		for rest := data; len(rest) > 0; {
			_, n, _, _ := s.nextPiece(rest)
			rest = rest[n:]
		}
	}); n > 0 {
		t.Errorf("%v allocations; want none", n)
	}
}

// FuzzScan: a scanner finds in any stream what a RecordReader does, however it is split.
func FuzzScan(f *testing.F) {
	for _, v := range vectors.Load(f, "../testdata/fastcgi") {
		f.Add(v.Data, uint16(len(v.Data)/2), uint16(1))
	}
	f.Add(wire.AppendPadded(nil, wire.TypeGetValues, 0, bytes.Repeat([]byte("x"), 3000), 255), uint16(9), uint16(40))
	f.Fuzz(func(t *testing.T, data []byte, cut, size uint16) {
		at := min(int(cut), len(data))
		split := io.MultiReader(bytes.NewReader(data[:at]), iotest.HalfReader(bytes.NewReader(data[at:])))
		checkScan(t, data, split, wire.HeaderSize+int(size))
	})
}

func isProtocolError(err error) bool {
	e := (*wire.ProtocolError)(nil)
	return errors.As(err, &e)
}
