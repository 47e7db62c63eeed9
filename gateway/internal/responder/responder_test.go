package responder

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

// names answers with the variables in their order.
var names App = func(variables []Variable) []byte { return fmt.Append(nil, variables) }

func record(kind byte, id uint16, content string) string {
	return string(appendRecord(nil, kind, id, []byte(content)))
}

// ask sends text to serve and returns what comes back until the connection is closed.
func ask(t *testing.T, serve func(net.Conn) error, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Start(t, l, serve)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(got)
}

func TestSCGI(t *testing.T) {
	const block = "CONTENT_LENGTH\x002\x00SCGI\x001\x00"
	got := ask(t, names.SCGI, fmt.Sprintf("%d:%s,xy", len(block), block))
	if want := "[{CONTENT_LENGTH 2} {SCGI 1}]"; got != want {
		t.Errorf("got %.300q; want %q", got, want)
	}
}

// TestFastCGI sends two requests on one connection that the web server keeps, and asks for values
// before. The second request has a value of 200 bytes and no flag.
func TestFastCGI(t *testing.T) {
	long := strings.Repeat("v", 200)
	text := record(getValues, 0, "") +
		record(beginRequest, 1, "\x00\x01\x01\x00\x00\x00\x00\x00") + record(params, 1, "\x01\x01ab") + record(params, 1, "") + record(stdin, 1, "x") + record(stdin, 1, "") +
		record(beginRequest, 2, "\x00\x01\x00\x00\x00\x00\x00\x00") + record(params, 2, "\x01\x80\x00\x00\xc8n"+long) + record(params, 2, "") + record(stdin, 2, "")
	want := noValues
	for id, content := range []string{"[{a b}]", "[{n " + long + "}]"} {
		want += record(stdout, uint16(id+1), content) + record(stdout, uint16(id+1), "") + record(endRequest, uint16(id+1), "\x00\x00\x00\x00\x00\x00\x00\x00")
	}
	if got := ask(t, names.FastCGI, text); got != want {
		t.Errorf("got %.600q; want %q", got, want)
	}
}

// A response that is longer than a record is sent in several.
func TestFastCGILongResponse(t *testing.T) {
	content := []byte(strings.Repeat("x", 70_000))
	in := strings.NewReader(string(appendStream(nil, 1, content)))
	got := 0
	for {
		_, _, part, err := readRecord(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		got += len(part)
	}
	if got != len(content) {
		t.Errorf("the records contain %d bytes; want %d", got, len(content))
	}
}

func ExampleEnviron() {
	fmt.Println(Environ([]Variable{{"A", "1"}, {"A", "2"}}))
	// Output: map[A:2]
}
