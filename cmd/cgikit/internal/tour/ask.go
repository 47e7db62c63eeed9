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
	// patience is how long a deployment may take. A CGI program is there in a few milliseconds.
	patience = 10 * time.Second

	// maxEnviron bounds what is read of an environ; a request's head has less.
	maxEnviron = 4 << 20
)

// answer is what came back from a deployment.
type answer struct {
	*deployment
	Environ *util.Environ // nil where Err is set
	Took    time.Duration // from the call to the last byte
	Err     error
}

// ask has the deployment tell the environ that it sees for a request like r.
func (d *deployment) ask(r *http.Request) answer {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	a := answer{deployment: d}
	sent, err := httpapp.MetaVariables(environRequest(r, d.Mount), d.Mount)
	if err != nil {
		a.Err = err
		return a
	}
	started := time.Now()
	body, err := exchange(d.backend, (&gateway.Request{Environ: sent, Stderr: io.Discard}).WithContext(ctx))
	a.Took = time.Since(started)
	if err != nil {
		a.Err = err
		return a
	}
	a.Environ = util.EnvironFromList(strings.Split(body, "\n"))
	return a
}

// environRequest is r as it would be if the client had asked for the environ of the application at
// mount. A body that came with r is not part of it.
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

// exchange returns the whole body of a good answer.
func exchange(b gateway.Backend, r *gateway.Request) (string, error) {
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
