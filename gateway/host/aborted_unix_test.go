//go:build unix

package host_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// TestAbortedAppKeepsWriting: an App that ignores errors and continues after its client has left
// causes at most one log line.
func TestAbortedAppKeepsWriting(t *testing.T) {
	servers := map[string]func(app gateway.App, log *slog.Logger) (serve func(net.Listener) error, end func() error){
		"httpapp": func(app gateway.App, log *slog.Logger) (func(net.Listener) error, func() error) {
			s := &httpapp.Server{App: app, ErrorLog: log}
			return s.Serve, s.Close
		},
		"scgi": func(app gateway.App, log *slog.Logger) (func(net.Listener) error, func() error) {
			s := &scgi.Server{App: app, ErrorLog: log}
			return s.Serve, s.Close
		},
		"fastcgi": func(app gateway.App, log *slog.Logger) (func(net.Listener) error, func() error) {
			s := &fastcgi.Server{App: app, ErrorLog: log}
			return s.Serve, s.Close
		},
	}
	posts := map[string]func(length, body string) string{"httpapp": httpPost, "scgi": scgiPost, "fastcgi": fastcgiPost}
	for name, server := range servers {
		for _, fails := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s fails %v", name, fails), func(t *testing.T) {
				log, done := new(logBuffer), make(chan bool)
				serve, end := server(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
					defer close(done)
					io.Copy(io.Discard, r.Stdin)
					w.Flush()
					<-r.Context().Done()
					var err error
					for range 100 {
						if _, writeErr := w.Write(make([]byte, 64<<10)); writeErr != nil {
							err = writeErr
						}
						if name != "scgi" { // over SCGI it is that of the process
							fmt.Fprintln(r.Stderr, "still here")
						}
					}
					if !fails {
						return nil
					}
					return err
				}), log.logger())
				c, err := net.Dial("tcp", serveOn(t, serve, end))
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(c, posts[name]("4", "four"))
				c.Read(make([]byte, 1)) // the head
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
				<-done
				end()
				lines := strings.Count(log.String(), "\n") - strings.Count(log.String(), `msg="still here"`) // those of httpapp are the App's own
				if lines > 1 {
					t.Errorf("got %d lines: %.1000s", lines, log)
				}
			})
		}
	}
}
