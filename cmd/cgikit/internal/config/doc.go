// Package config writes the configuration of a server that stands in front of an application, or
// that starts or watches it: nginx, Apache, lighttpd, HAProxy, Caddy, php-fpm, systemd, Docker and
// Kubernetes.
//
//	err := config.Write(os.Stdout, config.Options{Server: "nginx", Target: "scgi+unix:/run/app.sock"})
//
// The texts are those of testdata/conf, which the integration tests of this module run. Check gives
// one to the server itself. Every error of the package is one of the command line (cli.Usage), but
// for those of Check and of the writer.
package config
