package captures

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/responder"
)

// The application behind the servers answers with the variables as they are on the wire. It does
// not use the module's own servers, because they apply rules to an environ before an App sees it,
// and the captures must show the variables without these rules.

// listen runs the application on a TCP port until the test ends.
func listen(t *testing.T, serve func(net.Conn) error) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	responder.Start(t, l, serve)
	return l.Addr()
}

const head = "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"

// answerCGI leaves out variables that the test itself has set. It reads the body first, because
// Apache's mod_cgid reports a program that ends before that as failed.
func answerCGI(w io.Writer, body io.Reader, environ []string) {
	io.Copy(io.Discard, body)
	var b strings.Builder
	for _, v := range environ {
		if !ours(v) {
			fmt.Fprintln(&b, v)
		}
	}
	io.WriteString(w, head+b.String()) // if this fails, the client gets no answer
}

func ours(v string) bool {
	for {
		// Apache's SetEnv applies to the request before a redirect too
		rest, redirected := strings.CutPrefix(v, "REDIRECT_")
		if !redirected {
			return strings.HasPrefix(v, serveAs+"=") || strings.HasPrefix(v, "GORACE=")
		}
		v = rest
	}
}

// echo is the application as a FastCGI or SCGI responder.
var echo responder.App = func(variables []responder.Variable) []byte {
	out := []byte(head)
	for _, v := range variables {
		out = fmt.Appendf(out, "%s=%s\n", v.Name, v.Value)
	}
	return out
}
