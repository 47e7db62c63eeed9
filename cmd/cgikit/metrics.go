package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
)

const metricsHint = "such as --metrics 127.0.0.1:9100"

// parseMetrics parses the address of the status page.
func parseMetrics(s string) (listen.Address, error) {
	a, err := listen.ParseFor("http", s)
	switch {
	case err == nil && a.Proxy:
		err = &listen.AddressError{Input: s, Reason: "has the option proxy=1, which the status page does not have"}
	case err == nil && a.Network != "tcp" && a.Network != "unix":
		err = &listen.AddressError{Input: s, Reason: "is not an address for the status page"}
	}
	if err != nil {
		return a, cli.Usage(err, metricsHint)
	}
	return a, nil
}

// serveMetrics serves the status page until stop is called.
func serveMetrics(address string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	a, err := parseMetrics(address)
	if err != nil {
		return nil, err
	}
	l, err := listen.Listen(a)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("--metrics: %w", err), hintForListen(err))
	}
	s := &http.Server{
		Handler:           h,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       3 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the status page has stopped", "error", err)
		}
	}()
	if l.Addr().Network() == "tcp" {
		log.Info("the status page", "address", "http://"+l.Addr().String()+"/")
	}
	return func() {
		s.Close() // its clients repeat their requests
		<-ended
	}, nil
}
