package request

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// httpTarget sends a message to an HTTP server. It is a gateway.Backend that sends the message's
// fields, and not the environ of the request.
type httpTarget struct {
	message   *message
	transport *http.Transport
}

// newHTTP returns an httpTarget, whose connections go through t. Redirects are not followed.
func newHTTP(m *message, t *tap) *httpTarget {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		if timeout := m.request.ConnectTimeout; timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		network, address := m.request.Target.Place() // net/http knows no unix sockets
		return t.dial(ctx, network, address)
	}
	return &httpTarget{m, &http.Transport{DialContext: dial, DisableCompression: true, MaxIdleConnsPerHost: 1}}
}

// Close closes the connections that are kept.
func (h *httpTarget) Close() error {
	h.transport.CloseIdleConnections()
	return nil
}

// httpHost is the Host field that names the target.
func (r *Request) httpHost() string {
	if r.Target.Network == "unix" {
		return "localhost"
	}
	_, address := r.Target.Place()
	return strings.TrimSuffix(address, ":80")
}

// RoundTrip implements gateway.Backend.
func (h *httpTarget) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	req := h.newRequest(r)
	resp, err := h.transport.RoundTrip(req.WithContext(r.Context()))
	if err != nil {
		return nil, err
	}
	fields := headers.New()
	names := make([]string, 0, len(resp.Header))
	for name := range resp.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range resp.Header[name] {
			fields.Add(name, value) // net/http has checked it
		}
	}
	return &gateway.Response{Status: resp.Status, Headers: fields, Body: resp.Body, ExitStatus: unknownStatus}, nil
}

// newRequest makes net/http's request. The path goes out as it was given.
func (h *httpTarget) newRequest(r *gateway.Request) *http.Request {
	m := h.message
	network, address := m.request.Target.Place()
	host := address
	if network == "unix" {
		host = "localhost"
	}
	path, query, _ := strings.Cut(m.location.target, "?")
	req := &http.Request{
		Method: m.method,
		URL:    &url.URL{Scheme: "http", Host: host, Path: m.location.path, RawPath: path, RawQuery: query},
		Header: make(http.Header),
	}
	if !strings.HasPrefix(path, "//") {
		req.URL.Opaque = path
	}
	for _, f := range m.fields {
		if strings.EqualFold(f.Name, "Host") {
			req.Host = f.Value
			continue
		}
		req.Header.Add(f.Name, f.Value)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = []string{""} // or net/http sends its own
	}
	if m.body != nil {
		req.Body, req.ContentLength = io.NopCloser(r.Stdin), m.body.size()
	}
	return req
}
