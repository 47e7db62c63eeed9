package nethttp

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
)

// child models what net/http/fcgi does with its records, after its source in Go 1.26, and which
// records it must not get.
type child struct {
	t       testing.TB
	params  map[uint16][]byte // of the ids that it knows
	begun   map[uint16]bool   // a handler was called
	running []uint16          // handlers that have not returned
}

// take handles a record. It fails the test where net/http/fcgi would close the connection, or
// answer before its handler has returned.
func (k *child) take(h wire.Header, content []byte) {
	params, known := k.params[h.ID]
	switch {
	case h.Type == wire.TypeBeginRequest:
		b, err := wire.ParseBeginRequest(content)
		if known || slices.Contains(k.running, h.ID) || err != nil || b.Role != wire.RoleResponder || h.ID == 0 {
			k.t.Fatalf("BEGIN_REQUEST %d: known %t, running %v, %+v, %v", h.ID, known, k.running, b, err)
		}
		k.params[h.ID] = []byte{}
	case h.Type >= wire.TypeGetValues && h.ID == 0:
	case !known || h.Type != wire.TypeParams && h.Type != wire.TypeStdin:
		k.t.Fatalf("record %+v, which net/http/fcgi must not get", h)
	case h.Type == wire.TypeParams && len(content) > 0:
		k.params[h.ID] = append(params, content...)
	case h.Type == wire.TypeParams:
		k.checkParams(h.ID)
	case !k.begun[h.ID]:
		k.begun[h.ID] = true
		k.running = append(k.running, h.ID)
		fallthrough
	default:
		if len(content) == 0 {
			delete(k.params, h.ID)
			delete(k.begun, h.ID)
		}
	}
}

// checkParams finds the last value of the variable.
func (k *child) checkParams(id uint16) {
	environ, err := wire.DecodePairs(k.params[id], -1)
	if err != nil || environ.Get(requestVariable) != strconv.Itoa(int(id)) {
		k.t.Fatalf("the variables of request %d are %q, %v", id, k.params[id], err)
	}
}

// FuzzWatch feeds arbitrary bytes as the input of the web server, while handlers return:
// net/http/fcgi gets only records that it can handle, and every request ends exactly once and is
// then removed.
func FuzzWatch(f *testing.F) {
	for _, v := range vectors.Load(f, "../../testdata/fastcgi") {
		f.Add(v.Data, []byte{1, 0, 2})
	}
	f.Add(slices.Concat(head(1), stdinRecord(1, "part"), abort(1), get(1), get(2)), []byte{0, 0, 0, 0, 1})
	f.Add(slices.Concat(begin(1), begin(2), params(2), stdinRecord(2, ""), abort(1), abort(2), begin(1), params(1)), []byte{0, 0, 0, 3})
	server := &Server{MaxParamsBytes: 256, MaxParams: 9, MaxRequests: 5}
	newConn := newBench(f, server)
	f.Fuzz(func(t *testing.T, data, ends []byte) {
		b := newConn()
		b.in.Reset(bytes.NewReader(data))
		k := &child{t: t, params: map[uint16][]byte{}, begun: map[uint16]bool{}}
		asked := map[uint16]int{}
		for i := 0; ; i++ {
			h, err := b.readRecord()
			if err == nil {
				err = b.handleRecord(h, b.record)
			}
			b.give(k)
			if err != nil {
				b.stopReading(err)
				break
			}
			if h.Type == wire.TypeBeginRequest {
				asked[h.ID]++
			}
			if len(ends) > 0 && ends[i%len(ends)]&1 > 0 {
				b.returns(k, ends[i%len(ends)])
			}
			if most := int64(16 * 256); b.requests.bytes > most {
				t.Fatalf("%d bytes of variables are held; want at most %d", b.requests.bytes, most)
			}
		}
		for len(k.running) > 0 {
			b.give(k)
			b.returns(k, 0)
		}
		if len(b.requests.open) > 0 || b.requests.bytes != 0 || server.Stats().Requests != 0 {
			t.Fatalf("left over: %v, %d bytes, %d requests", b.requests.open, b.requests.bytes, server.Stats().Requests)
		}
		checkWritten(t, b.sink.wrote, asked)
	})
}

// give has net/http/fcgi take what was passed on.
func (b *bench) give(k *child) {
	for {
		h, content, err := wire.NewRecordReader(&b.ahead.data).Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			k.t.Fatalf("what was passed on is no record: %v", err)
		}
		k.take(h, content)
	}
}

// returns has the handler of the oldest request return: with its response complete or not, by how.
func (b *bench) returns(k *child, how byte) {
	if len(k.running) == 0 {
		return
	}
	id := k.running[0]
	k.running = k.running[1:]
	r := b.find(id)
	if r == nil {
		k.t.Fatalf("request %d has ended before its handler", id)
	}
	r.headSet = true
	b.handleAnswer(wire.AppendRecord(nil, wire.TypeStdout, id, []byte("part")))
	err := error(nil)
	if how&2 > 0 {
		err = gateway.ErrBroken
	}
	b.answered(id, err)
}

// checkWritten checks that what went out is whole records, that only requests were ended that were
// begun, and that the mark is last.
func checkWritten(t *testing.T, wrote []byte, asked map[uint16]int) {
	whole, marked := bytes.CutSuffix(wrote, []byte(breakMark))
	for _, record := range split(whole) {
		h, _ := wire.ParseHeader([wire.HeaderSize]byte(record))
		if h.ID != 0 && asked[h.ID] == 0 {
			t.Fatalf("%+v answers a request that was not begun", h)
		}
		if h.Type == wire.TypeEndRequest {
			asked[h.ID]--
		}
	}
	for id, left := range asked {
		if left < 0 {
			t.Fatal(fmt.Sprint("request ", id, " was ended twice; marked: ", marked))
		}
	}
}
