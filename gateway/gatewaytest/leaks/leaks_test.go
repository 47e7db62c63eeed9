package leaks

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestLeftFindsAGoroutine(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		<-stop
	}()
	if left := Left(0); !strings.Contains(left, "TestLeftFindsAGoroutine") {
		t.Errorf("got %q; want the stack of a goroutine that waits", left)
	}
	close(stop)
	<-stopped
}

func TestLeftKnowsTheRuntimesOwn(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	defer signal.Stop(c)
	if left := Left(0); strings.Contains(left, "os/signal") {
		t.Errorf("got %q; want the goroutine that delivers signals left out", left)
	}
}

func ExampleLeft() {
	done := make(chan struct{})
	go close(done)
	<-done
	fmt.Println(strings.Contains(Left(0), "ExampleLeft.func"))
	// Output: false
}
