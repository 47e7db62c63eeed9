package webserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/testdata/conf"
)

// TestExplainedVariables checks what the comments of conf's Explain say of variables that an
// application must not trust: whether a server names the user of a password that it has not
// checked, and whether it passes a field with an underscore.
func TestExplainedVariables(t *testing.T) {
	for template, want := range map[string]string{
		"nginx-fastcgi":    `REMOTE_USER="x" HTTP_HOST="STOCK" HTTP_X_UNDERSCORE=""`,
		"nginx-scgi":       `REMOTE_USER="" HTTP_HOST="STOCK" HTTP_X_UNDERSCORE=""`,
		"lighttpd-fastcgi": `REMOTE_USER="" HTTP_HOST="127.0.0.1:81" HTTP_X_UNDERSCORE="1"`,
		"lighttpd-scgi":    `REMOTE_USER="" HTTP_HOST="127.0.0.1:81" HTTP_X_UNDERSCORE="1"`,
		"caddy-fastcgi":    `REMOTE_USER="" HTTP_HOST="127.0.0.1:81" `,
	} {
		t.Run(template, func(t *testing.T) {
			binary := Find(t, conf.Server(template))
			s := Start(t, row{template, "tcp"}.config(t, ""))
			want := strings.Replace(want, "STOCK", stockHost(t, binary, template), 1)
			if body := sendTrap(t, s.Addr); !strings.Contains(body, want) {
				t.Errorf("got %s; want %s", body, want)
			}
		})
	}
}

// stockHost returns what nginx's parameter file for the template makes of "127.0.0.1:81": Debian's
// has HTTP_HOST without the port, and others leave the field as it is.
func stockHost(t *testing.T, binary, template string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(conf.Includes(binary), strings.TrimPrefix(template, "nginx-")+"_params"))
	if strings.HasPrefix(template, "nginx-") && err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "_param  HTTP_HOST        $host;") {
		return "127.0.0.1"
	}
	return "127.0.0.1:81"
}

// sendTrap sends the request, and returns the body.
func sendTrap(t *testing.T, addr string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(startLimit))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1:81\r\nX_Underscore: 1\r\nAuthorization: Basic eDp5\r\nConnection: close\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
