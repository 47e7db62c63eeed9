package tour

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

const (
	// patience bounds the time of a deployment. A CGI program needs a few milliseconds.
	patience = 10 * time.Second

	// maxEnviron bounds the response that has the environ. The head of a request is smaller.
	maxEnviron = 4 << 20
)

// answer is the response of a deployment.
type answer struct {
	*deployment
	Environ *util.Environ // nil if Err is set
	Took    time.Duration // from the call to the last byte
	Err     error
}

// fetch requests the environ that the deployment sees for a request like r.
func (d *deployment) fetch(r *http.Request) answer {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	a := answer{deployment: d}
	sent, err := httpapp.MetaVariables(environRequest(r, d.Mount), d.Mount)
	if err != nil {
		a.Err = err
		return a
	}
	started := time.Now()
	body, err := fetchBody(d.backend, (&gateway.Request{Environ: sent, Stderr: io.Discard}).WithContext(ctx))
	a.Took = time.Since(started)
	if err != nil {
		a.Err = err
		return a
	}
	a.Environ = util.EnvironFromList(strings.Split(body, "\n"))
	return a
}

// environRequest returns r as if the client had requested the environ page of the application at
// mount, without the body of r.
func environRequest(r *http.Request, mount string) *http.Request {
	c := r.Clone(r.Context())
	c.Method = http.MethodGet
	c.URL = &url.URL{Path: mount + "/environ"}
	c.RequestURI = c.URL.Path
	c.Body, c.ContentLength = http.NoBody, 0
	c.Header.Del("Content-Length")
	c.Header.Del("Content-Type")
	return c
}

// fetchBody returns the complete body of a response with status 200.
func fetchBody(b gateway.Backend, r *gateway.Request) (string, error) {
	resp, err := b.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxEnviron))
	if err != nil {
		return "", err
	}
	if resp.Status != "" && !strings.HasPrefix(resp.Status, "200 ") {
		return "", fmt.Errorf("tour: answered %.64q", resp.Status)
	}
	return string(body), nil
}
