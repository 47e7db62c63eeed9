package responder

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
)

// Variable is one variable of a request, as it was sent.
type Variable struct{ Name, Value string }

// App returns the bytes of the response to a request with these variables, which are in the order
// in which the web server sent them. Several goroutines may call it at once.
type App func(variables []Variable) []byte

// Environ returns the variables by their names. The last one of a name counts.
func Environ(variables []Variable) map[string]string {
	env := make(map[string]string)
	for _, v := range variables {
		env[v.Name] = v.Value
	}
	return env
}

// Start serves the connections of l, each with serve, until the test ends. It then closes l and
// waits for the connections, so the web server must end before.
func Start(t testing.TB, l net.Listener, serve func(net.Conn) error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		Serve(l, serve)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
}

// Serve is Start for a process of its own: it returns when l is closed.
func Serve(l net.Listener, serve func(net.Conn) error) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			if err := serve(conn); err != nil {
				fmt.Fprintln(os.Stderr, "responder:", err)
			}
		})
	}
}
