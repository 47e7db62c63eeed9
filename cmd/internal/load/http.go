package load

import (
	"bytes"
	"strconv"
)

// HTTP is the Decoder of HTTP/1.
type HTTP struct {
	NoBody bool // the answer of a HEAD

	answer  cgiAnswer
	last    lastHead
	left    int64  // bytes of the body, or of the chunk with its line end, that are to come
	line    []byte // of a chunk's size or of a trailer, so far
	trailer bool   // the last chunk has come
	toEnd   bool   // the body ends with the connection
}

// Reset implements Decoder.
func (d *HTTP) Reset() {
	d.answer.reset()
	d.left, d.line, d.trailer, d.toEnd = 0, d.line[:0], false, false
}

// Decode implements Decoder.
func (d *HTTP) Decode(p []byte, r Receiver) error {
	for len(p) > 0 {
		if !r.ReceiveFirst(0) {
			return newBroken(KindSurprise, p)
		}
		rest, whole, err := d.decode(p)
		if err != nil {
			return err
		}
		if p = rest; whole {
			d.report(r)
		}
	}
	return nil
}

// decode reads up to the end of a response, and returns what follows it.
func (d *HTTP) decode(p []byte) (rest []byte, whole bool, err error) {
	if !d.answer.whole {
		return d.decodeHead(p)
	}
	switch {
	case d.toEnd:
		d.answer.size += int64(len(p))
		return nil, false, nil
	case d.answer.head.chunked:
		return d.decodeChunks(p)
	}
	n := min(d.left, int64(len(p)))
	d.left -= n
	d.answer.size += n
	return p[n:], d.left == 0, nil
}

// decodeHead reads a head, and begins its body.
func (d *HTTP) decodeHead(p []byte) (rest []byte, whole bool, err error) {
	if start := append(d.answer.text, p[:min(len(p), 5)]...); !bytes.HasPrefix(start, []byte("HTTP/")[:min(len(start), 5)]) {
		return nil, false, newBroken(KindHTTP, append(d.answer.text, p...))
	}
	if err := d.answer.write(p, &d.last); err != nil || !d.answer.whole {
		return nil, false, err
	}
	body := p[int64(len(p))-d.answer.size:] // what follows the head
	h := d.answer.head
	d.answer.size = 0
	switch {
	case h.status < 200: // another head follows
		d.answer.reset()
		return body, false, nil
	case d.NoBody || !hasBody(h.status):
		return body, true, nil
	case h.chunked:
	case h.length < 0:
		d.toEnd = true
	case h.length == 0:
		return body, true, nil
	}
	d.left = max(h.length, 0)
	if h.chunked {
		d.left = 0
	}
	return body, false, nil
}

// decodeChunks reads chunks (RFC 9112 section 7.1), up to the empty line after the trailer.
func (d *HTTP) decodeChunks(p []byte) (rest []byte, whole bool, err error) {
	for len(p) > 0 {
		if d.left > 0 {
			n := min(d.left, int64(len(p)))
			d.left -= n
			d.answer.size += n
			p = p[n:]
			continue
		}
		d.line = append(d.line, p[0])
		p = p[1:]
		line, ended := bytes.CutSuffix(d.line, []byte("\r\n"))
		if !ended {
			if len(d.line) > mostHead {
				return nil, false, newBroken("wrong chunk", d.line)
			}
			continue
		}
		if d.trailer && len(line) == 0 {
			return p, true, nil
		}
		if !d.trailer {
			if err := d.beginChunk(line); err != nil {
				return nil, false, err
			}
		}
		d.line = d.line[:0]
	}
	return nil, false, nil
}

// beginChunk reads the line of a chunk. The line end after the content counts as content.
func (d *HTTP) beginChunk(line []byte) error {
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 62)
	if err != nil {
		return newBroken("wrong chunk", line)
	}
	d.trailer = n == 0
	if n > 0 {
		d.left = int64(n) + 2
		d.answer.size -= 2
	}
	return nil
}

func (d *HTTP) report(r Receiver) {
	h := d.answer.head
	a := Answer{Status: h.status, Size: d.answer.size, Close: h.close || d.toEnd || h.old && !h.keep}
	d.Reset()
	r.ReceiveAnswer(0, a)
}

// Finish implements Decoder.
func (d *HTTP) Finish(r Receiver) error {
	switch {
	case d.toEnd:
		d.report(r)
	case d.answer.begun && d.answer.whole && !d.answer.head.chunked:
		return newBroken(KindShort, nil)
	case d.answer.begun:
		return newBroken(KindCut, nil)
	}
	return nil
}
