package load

import "bytes"

// Closed is the Decoder of responses that end with their connection, as SCGI has them.
type Closed struct {
	// Tail is what each response must end with, if it is not empty: the only sign of a response
	// that is cut off, where it has no Content-Length.
	Tail   []byte
	NoBody bool // the answer of a HEAD

	answer cgiAnswer
	last   lastHead
	got    []byte // the last bytes that came, at least as many as Tail has
}

// Reset implements Decoder.
func (c *Closed) Reset() {
	c.answer.reset()
	c.got = c.got[:0]
}

// Decode implements Decoder.
func (c *Closed) Decode(p []byte, r Receiver) error {
	if !r.ReceiveFirst(0) {
		return newBroken(KindSurprise, nil)
	}
	if len(c.Tail) > 0 {
		c.got = append(c.got, p...)
		if n := len(c.got) - 4096 - len(c.Tail); n > 0 {
			c.got = append(c.got[:0], c.got[n:]...)
		}
	}
	return c.answer.write(p, &c.last)
}

// Finish implements Decoder.
func (c *Closed) Finish(r Receiver) error {
	kind := c.answer.check(c.NoBody)
	switch {
	case kind == KindHead:
		return newBroken(kind, c.answer.text)
	case kind != "":
		return newBroken(kind, nil)
	case !bytes.HasSuffix(c.got, c.Tail):
		return newBroken(KindCut, nil)
	}
	r.ReceiveAnswer(0, Answer{Status: c.answer.head.status, Size: c.answer.size, Close: true})
	return nil
}
