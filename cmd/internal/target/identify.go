package target

import (
	"context"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// How long Identify waits for the answer to one question.
const (
	// Brief suits a target that has let an earlier request wait: it is likely to let this one wait
	// too.
	Brief = 500 * time.Millisecond

	// Patient suits a target that has answered an earlier request or closed its connection. If no
	// question is answered within Brief, Identify sends all again and waits longer: a single worker
	// may still wait for the rest of an earlier question, as that of uWSGI does.
	Patient = 3 * time.Second
)

// Identify asks which protocol is spoken at the target's address, whatever protocol the target
// names: "fastcgi", "http" or "scgi"; "" where no question is answered within the context and the
// given time for each. The target's own protocol is asked for first: a listener may speak several.
// It sends what a server of the other protocols refuses at once: FCGI_GET_VALUES, HEAD / over HTTP
// and over SCGI. Its result is the hint after an exchange that failed without a sensible answer, on
// a new connection for each question.
func (t Target) Identify(ctx context.Context, each time.Duration) string {
	own := func(q question) bool { return q.protocol == t.Protocol }
	list := slices.Clone(questions)
	slices.SortStableFunc(list, func(a, b question) int {
		switch {
		case own(a) && !own(b):
			return -1
		case own(b) && !own(a):
			return 1
		}
		return 0
	})
	spoken := t.firstAnswered(ctx, Brief, list)
	if spoken == "" && each > Brief {
		spoken = t.firstAnswered(ctx, each, list)
	}
	return spoken
}

// firstAnswered is the protocol of the first question that is answered, or "".
func (t Target) firstAnswered(ctx context.Context, each time.Duration, list []question) string {
	for _, question := range list {
		if question.answers(t.probe(ctx, each, question.bytes)) {
			return question.protocol
		}
	}
	return ""
}

// Spoken is the protocol that the first bytes of an answer belong to: "fastcgi", "http", or "" for
// any other.
func Spoken(answer string) string {
	switch {
	case IsFastCGI(answer):
		return "fastcgi"
	case IsHTTP(answer):
		return "http"
	}
	return ""
}

// SpeaksHTTP reports whether HEAD / is answered at the target's address as HTTP/1 does, on a
// connection of its own, within the context and half a second.
func (t Target) SpeaksHTTP(ctx context.Context) bool { return IsHTTP(t.probe(ctx, Brief, headRequest)) }

// SpeaksOnlyHTTP reports whether HTTP is spoken at the target's address, and not FastCGI beside it,
// as a listener of several protocols does. It asks what no application gets to see but HEAD /, on
// up to two connections, within the context and half a second each.
func (t Target) SpeaksOnlyHTTP(ctx context.Context) bool {
	spoken := Spoken(t.probe(ctx, Brief, string(getValues)))
	return spoken == "http" || spoken == "" && t.SpeaksHTTP(ctx)
}

const headRequest = "HEAD / HTTP/1.0\r\n\r\n"

// question is what a server of one protocol answers and others refuse.
type question struct {
	protocol, bytes string
	answers         func(string) bool
}

var questions = []question{
	{"fastcgi", string(getValues), IsFastCGI},
	{"http", headRequest, IsHTTP},
	{"scgi", headOverSCGI, IsCGIHead},
	{"scgi", callOverSCGI, IsCGIHead},
}

// headOverSCGI is an SCGI request with the variables that applications read without a look.
var headOverSCGI = netstring("CONTENT_LENGTH\x000\x00SCGI\x001\x00REQUEST_METHOD\x00HEAD\x00REQUEST_URI\x00/\x00QUERY_STRING\x00\x00" +
	"SCRIPT_NAME\x00\x00PATH_INFO\x00/\x00SERVER_PROTOCOL\x00HTTP/1.0\x00SERVER_NAME\x00localhost\x00SERVER_PORT\x0080\x00")

// CallOverSCGI returns a request of SCGI that calls a method by XML-RPC, for applications that
// close the connection on a request without a body, as rTorrent does. Its answer has a head in any
// case.
func CallOverSCGI() []byte { return []byte(callOverSCGI) }

// callOverSCGI is an XML-RPC call, for rTorrent, which closes the connection on a request without a
// body.
var callOverSCGI = netstring("CONTENT_LENGTH\x00"+strconv.Itoa(len(pidCall))+"\x00SCGI\x001\x00REQUEST_METHOD\x00POST\x00REQUEST_URI\x00/RPC2\x00QUERY_STRING\x00\x00"+
	"SCRIPT_NAME\x00\x00PATH_INFO\x00/RPC2\x00SERVER_PROTOCOL\x00HTTP/1.0\x00SERVER_NAME\x00localhost\x00SERVER_PORT\x0080\x00CONTENT_TYPE\x00text/xml\x00") + pidCall

const pidCall = "<?xml version=\"1.0\"?><methodCall><methodName>system.pid</methodName><params/></methodCall>"

func netstring(s string) string { return strconv.Itoa(len(s)) + ":" + s + "," }

// getValues is an FCGI_GET_VALUES record that asks for nothing. It has padding, since libfcgi 2.4.2
// does not answer it without. The padding is line ends: an HTTP server then refuses at once what
// came before them, and does not wait for more.
var getValues = append(wire.AppendPadded(nil, wire.TypeGetValues, 0, nil, 8)[:wire.HeaderSize], "\r\n\r\n\r\n\r\n"...)

// probe sends a question and returns the first bytes of the answer that come within the timeout, or
// "".
func (t Target) probe(ctx context.Context, timeout time.Duration, question string) string {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := t.Dial(ctx)
	if err != nil {
		return ""
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(conn, question); err != nil {
		return ""
	}
	return readSome(conn)
}

// readSome reads until there is a line or 64 bytes.
func readSome(conn net.Conn) string {
	buf := make([]byte, 64)
	n := 0
	for n < len(buf) && !strings.Contains(string(buf[:n]), "\n") {
		m, err := conn.Read(buf[n:])
		n += m
		if err != nil {
			break
		}
		if IsFastCGI(string(buf[:n])) {
			break
		}
	}
	return string(buf[:n])
}

// IsHTTP reports whether an answer begins as HTTP/1 does.
func IsHTTP(answer string) bool { return strings.HasPrefix(answer, "HTTP/1.") }

// IsFastCGI reports whether an answer begins with the header of a FastCGI record.
func IsFastCGI(answer string) bool {
	if len(answer) < wire.HeaderSize {
		return false
	}
	h, err := wire.ParseHeader([wire.HeaderSize]byte([]byte(answer[:wire.HeaderSize])))
	return err == nil && h.Type >= wire.TypeBeginRequest && h.Type <= wire.TypeUnknownType
}

// IsCGIHead reports whether an answer begins with a header field, as CGI and SCGI have it.
func IsCGIHead(answer string) bool {
	line, _, ended := strings.Cut(answer, "\n")
	name, _, found := strings.Cut(line, ":")
	return ended && found && name != "" && !strings.ContainsAny(name, " \t\x00") && !IsHTTP(answer)
}
