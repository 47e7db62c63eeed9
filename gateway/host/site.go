package host

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// Site is an App in front of another one: it has other Apps at some paths, and sets Cache-Control.
// gateway.WithFields sets other fields. It may answer any number of requests at the same time. Its
// fields must not change after the first use, and it must not be copied after that.
//
// The target of a local redirect of App reaches Aliases only if the Router of the [Handler] is the
// Site.
type Site struct {
	// App answers for all paths that are not below one of Aliases. It must be set.
	App gateway.App

	// Aliases has the Apps for the paths below others, such as a [Files] for "/docs". A key is the
	// decoded path from the root of the server. It matches whole segments of the path in normal
	// form, and the longest key counts. It becomes SCRIPT_NAME, and the rest of the path PATH_INFO.
	Aliases map[string]gateway.App

	// CacheControl has values of Cache-Control, as "PATTERN=VALUE", such as "*.css=max-age=3600".
	// The first pattern that matches the path counts. [Handler.Deny] describes patterns; "/"
	// matches every path. Only responses with status 200, 206 or 304 get the field, and only those
	// without one.
	CacheControl []string

	// Access, if not nil, is called at the end of each request that one of Aliases has answered.
	// App reports its own requests.
	Access func(*gateway.Access)

	once    sync.Once
	aliases []alias
	caches  []cacheRule
	faulty  error
}

// alias is an entry of Aliases.
type alias struct {
	prefix string // as util.CleanMount returns it
	app    gateway.App
}

// cacheRule is an entry of CacheControl.
type cacheRule struct {
	pattern []pathPattern // one
	value   string
}

// Check returns a [*FieldError] if a field is invalid. A Site with invalid fields answers every
// request with a 500.
func (s *Site) Check() error {
	s.once.Do(s.prepare)
	return s.faulty
}

func (s *Site) prepare() {
	if s.App == nil {
		s.faulty = fieldError("App", "is nil")
	}
	for prefix, app := range s.Aliases {
		if s.Access != nil {
			app = gateway.Watch(app, s.Access)
		}
		s.aliases = append(s.aliases, alias{util.CleanMount(prefix), app})
		if !strings.HasPrefix(prefix, "/") || strings.Trim(prefix, "/") == "" {
			s.faulty = fieldError("Aliases", "%.64q is not a path below the root", prefix)
		}
	}
	slices.SortFunc(s.aliases, func(a, b alias) int { return len(b.prefix) - len(a.prefix) })
	s.faulty = cmp.Or(s.faulty, s.parseCacheControl())
}

func (s *Site) parseCacheControl() error {
	for _, text := range s.CacheControl {
		pattern, value, ok := strings.Cut(text, "=")
		if !ok || value == "" {
			return fieldError("CacheControl", "%.64q is not PATTERN=VALUE", text)
		}
		patterns, err := parsePatterns("CacheControl", []string{pattern})
		if err != nil {
			return err
		}
		if err := new(headers.Headers).Add("Cache-Control", value); err != nil {
			return &FieldError{"CacheControl", err}
		}
		s.caches = append(s.caches, cacheRule{patterns, value})
	}
	return nil
}

// ServeGateway implements gateway.App.
func (s *Site) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	s.once.Do(s.prepare)
	if s.faulty != nil {
		return s.faulty
	}
	if len(s.aliases) > 0 || len(s.caches) > 0 {
		full, path, err := normalPath(r)
		if err != nil {
			return err // malformed: a 400
		}
		w = s.newWriter(w, path)
		if app, below := s.findAlias(full, r); app != nil {
			return serveField(app, w, below)
		}
	}
	return serveField(s.App, w, r)
}

// normalPath returns the path of a request in normal form, and the same decoded.
func normalPath(r *gateway.Request) (t exchange.Target, path string, err error) {
	t, sent, err := exchange.TargetOf(r)
	if !sent && err == nil {
		if r, err = withPath(r); err == nil {
			t, err = exchange.ParseTarget(encode(exchange.FullPath(r.Environ)))
		}
	}
	if err != nil {
		return t, "", err
	}
	path, err = t.After("")
	return t, path, err
}

// findAlias returns the App of the alias that has the path t, and the request for it. The App is
// nil if there is no such alias.
func (s *Site) findAlias(t exchange.Target, r *gateway.Request) (gateway.App, *gateway.Request) {
	for _, a := range s.aliases {
		rest, ok := t.Below(a.prefix)
		if !ok {
			continue
		}
		info, err := rest.After("")
		if err != nil {
			continue
		}
		c := *r
		c.Environ = r.Environ.Clone()
		c.Environ.Set("SCRIPT_NAME", a.prefix)
		c.Environ.Set("PATH_INFO", info)
		return a.app, &c
	}
	return nil, nil
}

// fieldWriter adds Cache-Control to one response.
type fieldWriter struct {
	gateway.ResponseWriter
	cache  string
	status string
	begun  bool // the body, or a Flush: the field has been added
}

// newWriter returns w, or a writer that adds the Cache-Control of a path.
func (s *Site) newWriter(w gateway.ResponseWriter, path string) gateway.ResponseWriter {
	for _, rule := range s.caches {
		if matchAny(rule.pattern, path) {
			return &fieldWriter{ResponseWriter: w, cache: rule.value, status: "200"}
		}
	}
	return w
}

// serveField calls app. A response that is complete, but has no body, gets its field at the end.
func serveField(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	err := app.ServeGateway(w, r)
	if f, ok := w.(*fieldWriter); ok && err == nil {
		f.addField()
	}
	return err
}

// addField adds the field at its first call, before the head is committed, if the current status
// allows it.
func (f *fieldWriter) addField() {
	if f.begun {
		return
	}
	f.begun = true
	h := f.Headers()
	if !h.Has("Cache-Control") && slices.Contains([]string{"200", "206", "304"}, f.status) {
		_ = h.Add("Cache-Control", f.cache) // parseCacheControl has checked it
	}
}

// Start implements gateway.ResponseWriter.
func (f *fieldWriter) Start(status string) error {
	err := f.ResponseWriter.Start(status)
	if err == nil && !strings.HasPrefix(status, "1") {
		f.status = status[:min(len(status), 3)]
	}
	return err
}

// Write implements gateway.ResponseWriter.
func (f *fieldWriter) Write(p []byte) (int, error) {
	f.addField()
	return f.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom, so that files are still sent by sendfile(2).
func (f *fieldWriter) ReadFrom(src io.Reader) (int64, error) {
	f.addField()
	return io.Copy(f.ResponseWriter, src)
}

// Flush implements gateway.ResponseWriter.
func (f *fieldWriter) Flush() error {
	f.addField()
	return f.ResponseWriter.Flush()
}
