// Command worker answers FastCGI requests on its standard input with its process id.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/launch"
)

func main() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, _ *gateway.Request) error {
		_, err := fmt.Fprint(w, os.Getpid())
		return err
	})
	c := launch.Config{App: app, Listen: []string{"fastcgi+fd:0"}, Log: slog.New(slog.DiscardHandler)}
	if err := c.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
