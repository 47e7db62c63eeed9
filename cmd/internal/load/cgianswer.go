package load

import "bytes"

// cgiAnswer follows one response that is a head and a body, as of CGI, SCGI and a FastCGI stream.
type cgiAnswer struct {
	begun bool // there was a byte
	head  head
	whole bool   // the head is
	text  []byte // of a head that is not
	size  int64
}

// lastHead remembers a head and what it says. Most responses have the same.
type lastHead struct {
	text []byte
	head head
}

func (a *cgiAnswer) reset() {
	a.begun, a.whole, a.size, a.text = false, false, 0, a.text[:0]
}

// write adds the next bytes.
func (a *cgiAnswer) write(p []byte, last *lastHead) error {
	if a.whole {
		a.size += int64(len(p))
		return nil
	}
	a.begun = true
	if len(a.text) == 0 && len(last.text) > 0 && bytes.HasPrefix(p, last.text) {
		a.head, a.whole, a.size = last.head, true, int64(len(p)-len(last.text))
		return nil
	}
	a.text = append(a.text, p...)
	end := findHeadEnd(a.text)
	switch {
	case end < 0 && len(a.text) > mostHead:
		return newBroken(KindHead, a.text)
	case end < 0:
		return nil
	}
	var ok bool
	if a.head, ok = parseHead(a.text[:end]); !ok {
		return newBroken(KindHead, a.text)
	}
	last.text, last.head = append(last.text[:0], a.text[:end]...), a.head
	a.whole, a.size = true, int64(len(a.text)-end)
	return nil
}

// check returns the kind of error of a response that has come to its end, "" if it is right.
// noBody: it answers a HEAD.
func (a *cgiAnswer) check(noBody bool) string {
	switch {
	case !a.begun:
		return KindClosed
	case !a.whole:
		return KindHead
	}
	return checkLength(a.head, a.size, noBody)
}

func checkLength(h head, size int64, noBody bool) string {
	switch {
	case h.length < 0 || noBody || !hasBody(h.status):
		return ""
	case size < h.length:
		return KindShort
	case size > h.length:
		return KindLong
	}
	return ""
}
