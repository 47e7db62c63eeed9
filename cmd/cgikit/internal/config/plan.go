package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/testdata/conf"
)

// plan is what Options lead to.
type plan struct {
	options Options
	choice  choice
	data    conf.Data
}

// Write writes the configuration that o asks for.
func Write(w io.Writer, o Options) error {
	p, err := newPlan(o)
	if err != nil {
		return err
	}
	for i, name := range p.choice.names {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := p.write(w, name); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) write(w io.Writer, name string) error {
	switch {
	case !p.choice.web:
		return conf.RenderWhole(w, name, p.data)
	case p.options.Full:
		return conf.Render(w, name, p.data)
	}
	return conf.RenderProtocol(w, name, p.data)
}

func newPlan(o Options) (*plan, error) {
	for _, check := range []func() error{o.checkServer, o.checkWords} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	if o.Server == "php-fpm.conf" || o.Server == "kubernetes.pod" {
		o.Full = true // as their names say
	}
	addresses, err := o.parseAddresses()
	if err != nil {
		return nil, err
	}
	c, err := o.choose(addresses[0])
	if err != nil {
		return nil, err
	}
	p := &plan{options: o, choice: c}
	if err := p.checkFlags(); err != nil {
		return nil, err
	}
	return p, p.prepare(addresses)
}

func (o *Options) parseAddresses() ([]listen.Address, error) {
	var all []listen.Address
	for _, s := range o.addresses() {
		a, err := parseAddress(s)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// prepare fills in the data of the templates.
func (p *plan) prepare(addresses []listen.Address) error {
	o, a := p.options, addresses[0]
	p.data = conf.Data{
		Mount: o.Mount, Root: strings.TrimSuffix(o.Root, "/"), SplitPath: o.SplitPath, ServerName: o.ServerName, Explain: o.Explain,
		Buffered: !o.Stream, KeepAlive: o.KeepConn, Network: a.Network, Dir: o.Dir, Modules: conf.Modules(), Include: "/etc/nginx",
	}
	if binary, err := conf.Find("nginx"); err == nil && p.choice.server == "nginx" {
		p.data.Include = conf.Includes(binary)
	}
	if a.Protocol == "cgi" {
		p.data.Program = strings.TrimSuffix(a.Path, "/")
	} else {
		p.data.Address = place(a)
	}
	if o.Full {
		if err := p.prepareServer(); err != nil {
			return err
		}
	}
	if !p.choice.web {
		return p.prepareWhole(a)
	}
	return p.prepareProcesses(addresses)
}

// prepareServer fills in what a whole server needs besides the part to copy.
func (p *plan) prepareServer() error {
	p.data.Listen = p.options.HTTP
	if p.data.Listen == "" {
		p.data.Listen = defaultHTTP
	}
	_, port, err := net.SplitHostPort(p.data.Listen)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 {
		return cli.Usage(fmt.Errorf("--http %.200q is not host:port", p.data.Listen), "such as --http 127.0.0.1:8080")
	}
	if p.data.Dir == "" {
		if p.data.Dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 || p.choice.server == "caddy" {
		return nil // its workers cannot be, or are not, another user
	}
	workers, err := conf.Workers()
	if err != nil {
		return err
	}
	p.data.User, p.data.Group = workers.Username, conf.GroupOf(workers)
	return nil
}

// prepareProcesses fills in the processes of a configuration that balances: each address of FastCGI
// is one, and each of HTTP is the status page of the process before it.
func (p *plan) prepareProcesses(addresses []listen.Address) error {
	name := p.choice.names[0]
	if !strings.HasSuffix(name, "-balanced") {
		if len(addresses) > 1 {
			return cli.Usage(fmt.Errorf("%s has one application, and got %d addresses", name, len(addresses)), "several processes are balanced by nginx-fastcgi-balanced and haproxy-fastcgi-balanced")
		}
		return nil
	}
	for _, a := range addresses {
		switch n := len(p.data.Processes); {
		case a.Network != "tcp":
			return cli.Usage(fmt.Errorf("%s has the addresses of several machines, not a socket", name), "such as -l fastcgi://10.0.0.1:9000 -l fastcgi://10.0.0.2:9000")
		case a.Protocol == "http" && n > 0:
			p.data.Processes[n-1].Health = place(a)
		default:
			p.data.Processes = append(p.data.Processes, conf.Process{Address: place(a)})
		}
	}
	return p.checkHealth(name)
}

func (p *plan) checkHealth(name string) error {
	for _, process := range p.data.Processes {
		if p.choice.server == "haproxy" && process.Health == "" {
			return cli.Usage(errors.New(name+" needs the status page of each process"),
				"after each -l fastcgi: give the address of its --metrics, such as -l fastcgi://10.0.0.1:9000 -l http://10.0.0.1:9100")
		}
	}
	return nil
}
