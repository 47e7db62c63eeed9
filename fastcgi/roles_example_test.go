package fastcgi_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// ExampleAuthorizer allows a request with a known token, and passes the owner of the token on as
// REMOTE_USER. Other requests get a 401.
func ExampleAuthorizer() {
	users := map[string]string{"Bearer s3cret": "alice"}

	whoAreYou := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("WWW-Authenticate", "Bearer")
		w.Start("401 Unauthorized")
		_, err := io.WriteString(w, "Who are you?\n")
		return err
	})

	server := &fastcgi.Server{
		App: gateway.AppFunc(hello),
		Authorizer: fastcgi.AuthorizerFunc(func(r *gateway.Request) (fastcgi.Decision, error) {
			user, known := users[r.Environ.Get("HTTP_AUTHORIZATION")]
			if !known {
				return fastcgi.Deny(whoAreYou), nil
			}
			return fastcgi.Allow(headers.Field{Name: "REMOTE_USER", Value: user}), nil
		}),
	}

	fmt.Println(ask(server, fastcgi.RoleAuthorizer, "", "REQUEST_URI", "/", "HTTP_AUTHORIZATION", "Bearer s3cret"))
	fmt.Println(ask(server, fastcgi.RoleAuthorizer, "", "REQUEST_URI", "/"))
	// Output:
	// Status: 200 OK
	// Variable-REMOTE_USER: alice
	// Content-Length: 0
	//
	// Status: 401 Unauthorized
	// WWW-Authenticate: Bearer
	// Content-Length: 13
	//
	// Who are you?
}

// ExampleFilter numbers the lines of whatever text the web server finds.
func ExampleFilter() {
	server := &fastcgi.Server{
		App: gateway.AppFunc(hello),
		Filter: fastcgi.FilterFunc(func(w gateway.ResponseWriter, r *gateway.Request, data *fastcgi.Data) error {
			w.Headers().Set("Content-Type", "text/plain")
			w.Headers().Set("Last-Modified", data.LastModified.UTC().Format(time.RFC1123))
			lines := bufio.NewScanner(data)
			for n := 1; lines.Scan(); n++ {
				fmt.Fprintln(w, n, lines.Text())
			}
			return cmp.Or(lines.Err(), w.Flush())
		}),
	}

	text := "It was a dark\nand stormy night.\n"
	fmt.Println(ask(server, fastcgi.RoleFilter, text, "FCGI_DATA_LENGTH", fmt.Sprint(len(text)), "FCGI_DATA_LAST_MOD", "784111777"))
	// Output:
	// Status: 200 OK
	// Content-Type: text/plain
	// Last-Modified: Sun, 06 Nov 1994 08:49:37 UTC
	//
	// 1 It was a dark
	// 2 and stormy night.
}

// ask does what a web server would: it sends one request of that role, with data for a filter, and
// returns the response.
func ask(server *fastcgi.Server, role fastcgi.Role, data string, variables ...string) string {
	ours, theirs := net.Pipe()
	go server.Serve(&single{conn: theirs})
	defer ours.Close()

	request := begin(1, byte(role), 0) + params(1, variables...)
	if role == fastcgi.RoleFilter {
		request += rec(typeStdin, 1, "") + rec(typeData, 1, data) + rec(typeData, 1, "")
	}
	go io.WriteString(ours, request)

	response, records := "", wire.NewRecordReader(ours)
	for {
		h, content, err := records.Next()
		if err != nil || h.Type == wire.TypeEndRequest {
			return strings.TrimSpace(strings.ReplaceAll(response, "\r", "")) + "\n"
		}
		response += string(content)
	}
}

// single is a listener of one connection.
type single struct{ conn net.Conn }

func (l *single) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *single) Addr() net.Addr { return nil }
func (l *single) Close() error   { return nil }
