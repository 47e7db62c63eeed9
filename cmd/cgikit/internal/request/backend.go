package request

import (
	"cmp"
	"context"
	"net"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/scgi"
)

// noBound is the timeout of the backends: the context of the verb bounds the whole.
const noBound = time.Duration(-1)

// open returns what sends the message: a backend whose connections are tapped.
func (r *Request) open(m *message) (target.Backend, *tap, error) {
	t := &tap{system: new(net.Dialer).DialContext}
	if r.Target.Protocol == "http" {
		return newHTTP(m, t), t, nil
	}
	b, err := r.Target.Backend(noBound)
	if err != nil {
		return nil, nil, err
	}
	dialTimeout := cmp.Or(r.ConnectTimeout, noBound)
	switch b := b.(type) {
	case *fastcgi.Client:
		b.Connect, b.DialTimeout, b.Role = t.dial, dialTimeout, roles[cmp.Or(r.Role, "responder")]
		if r.Repeat > 1 && !r.NoKeepConn {
			b.MaxIdleConns, b.IdleTimeout = 1, noBound
		}
	case *scgi.Client:
		b.Connect, b.DialTimeout = t.dial, dialTimeout
	case *cgi.Script:
		err = r.setUser(b)
	case *cgi.Dir:
		err = r.setUser(&b.Script)
	}
	return b, t, err
}

// fetchValues shows what the application answers to FCGI_GET_VALUES.
func (r *Request) fetchValues(ctx context.Context) error {
	t := &tap{system: new(net.Dialer).DialContext}
	t.begin()
	client := &fastcgi.Client{Addr: r.Target.Name, Connect: t.dial, DialTimeout: cmp.Or(r.ConnectTimeout, noBound), FirstByteTimeout: noBound, ReadTimeout: noBound}
	defer client.Close()
	values, err := client.Values(ctx, "FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
	if err != nil {
		return r.exitError(ctx, &answer{tapped: t.snapshot()}, err)
	}
	return r.showValues(values)
}
