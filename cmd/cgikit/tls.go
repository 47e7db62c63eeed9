package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/listen"
)

// tlsOptions are the flags of HTTPS and HTTP/2.
type tlsOptions struct {
	cert, key   string
	h2c         bool
	certificate *httpapp.Certificate // nil without an https address
}

func (o *tlsOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.cert, "tls-cert", "", "PEM `file` of the certificate of https addresses, with those of its issuers; a changed file is read again")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` of the private key (default that of --tls-cert)")
	f.BoolVar(&o.h2c, "h2c", false, "answer HTTP/2 without TLS too, on http and auto addresses")
}

// config returns the configuration of the https addresses among listeners, or nil. It reads the
// certificate. The addresses have been checked.
func (o *tlsOptions) config(listeners []string, log *slog.Logger) (*tls.Config, error) {
	has := func(protocols ...string) bool {
		return slices.ContainsFunc(listeners, func(s string) bool {
			a, err := listen.Parse(s)
			return err == nil && slices.Contains(protocols, a.Protocol)
		})
	}
	switch {
	case has("https") && o.cert == "":
		return nil, cli.Usage(errors.New("an https address needs --tls-cert"), tlsHint+", or use TLS in the web server in front and listen here with -l http: or -l fastcgi:")
	case !has("https") && o.cert+o.key != "":
		return nil, cli.Usage(errors.New("--tls-cert and --tls-key have no effect without an https address"), tlsHint)
	case o.h2c && !has("http", "auto"):
		return nil, cli.Usage(errors.New("--h2c has no effect without an http or auto address"), "such as -l http://127.0.0.1:8080; https addresses always have HTTP/2")
	case o.cert == "":
		return nil, nil
	}
	c := &httpapp.Certificate{CertFile: o.cert, KeyFile: o.key, ErrorLog: log}
	if c.KeyFile == "" {
		c.KeyFile = c.CertFile
	}
	if err := c.Reload(); err != nil {
		return nil, cli.Usage(fmt.Errorf("--tls-cert: %s", strings.TrimPrefix(err.Error(), "tls: ")), tlsHint)
	}
	o.certificate = c
	return &tls.Config{GetCertificate: c.Get}, nil
}

const tlsHint = "such as -l https://0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem"
