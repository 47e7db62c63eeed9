package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
)

// siteOptions are the flags that do for a target what a web server does for its sites.
type siteOptions struct {
	fallback      string
	aliases       aliasFolders
	deny          []string
	precompressed bool
	fields        []string
	cacheControl  []string
}

func (o *siteOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.fallback, "fallback", "", "`path` of the script or file that answers for paths that do not exist, such as /index.php or /index.html; "+toTarget+" sends those paths to TARGET (default 404)")
	f.Var(&o.aliases, "alias", "`/PATH=FOLDER` of files to send for the paths below /PATH; may be given several times")
	f.StringArrayVar(&o.deny, "deny", nil, "`pattern` of paths that are answered 403, such as /data or *.bak; may be given several times")
	f.BoolVar(&o.precompressed, "precompressed", false, "send NAME.br or NAME.gz in place of NAME, if it exists in the same folder and the client accepts it")
	f.StringArrayVar(&o.fields, "header", nil, "`field` of all responses, error pages too, as \"Name: value\"; may be given several times")
	f.StringArrayVar(&o.cacheControl, "cache-control", nil, "`PATTERN=VALUE` of Cache-Control for the paths that match, such as \"/assets=max-age=31536000, immutable\"; may be given several times")
}

// toTarget is the value of --fallback that sends a path without a file to an application that has
// no scripts, as "@name" in nginx's try_files.
const toTarget = "@target"

// files returns an App for the files of a folder, with the flags that concern files.
func (o *targetOptions) files(dir string, log *slog.Logger) *host.Files {
	return &host.Files{Root: dir, Symlinks: o.symlinks, Precompressed: o.site.precompressed, Deny: o.site.deny, ErrorLog: log}
}

// addSite adds to a target what its App does not do by itself.
func (o *targetOptions) addSite(t *target, log *slog.Logger) error {
	s := &o.site
	if len(s.aliases) == 0 && len(s.cacheControl) == 0 {
		return nil
	}
	aliases := make(map[string]gateway.App)
	for prefix, dir := range s.aliases {
		files := o.files(dir, log)
		if err := checkFolder(files, dir); err != nil {
			return err
		}
		aliases[prefix] = files
		t.reloads = append(t.reloads, files.Reload)
	}
	build := func(app gateway.App, done func(*gateway.Access)) *host.Site {
		return &host.Site{App: app, Aliases: aliases, CacheControl: s.cacheControl, Access: done}
	}
	site, watched := build(t.app, nil), t.watched
	t.app = site
	t.watched = func(done func(*gateway.Access)) gateway.App { return build(watched(done), done) }
	return siteMistake(site.Check())
}

// addFields sets the fields of --header in all responses of an App, also in those of a server that
// refuses a request.
func (o *siteOptions) addFields(app gateway.App) (gateway.App, error) {
	if len(o.fields) == 0 {
		return app, nil
	}
	app, err := gateway.WithFields(app, o.fields...)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("--header: %w", err), `such as --header "X-Frame-Options: DENY"`)
	}
	return app, nil
}

// siteMistake returns the error of a field of the library as one of its flag.
func siteMistake(err error) error {
	bad := (*host.FieldError)(nil)
	if !errors.As(err, &bad) {
		return err
	}
	for _, flag := range []struct{ field, name, hint string }{
		{"Aliases", "--alias", aliasHint},
		{"CacheControl", "--cache-control", `such as --cache-control "*.css=max-age=3600"`},
		{"Deny", "--deny", denyHint},
		{"Fallback", "--fallback", fallbackHint},
	} {
		if bad.Field == flag.field {
			return cli.Usage(fmt.Errorf("%s: %w", flag.name, bad.Err), flag.hint)
		}
	}
	return err
}

// checkFallback reports a --fallback that does not fit the target.
func (o *targetOptions) checkFallback(kind string) error {
	switch f := o.site.fallback; {
	case f == "":
		return nil
	case f == toTarget && (o.root == "" || len(o.splitPath) > 0):
		return cli.Usage(errors.New("--fallback "+toTarget+" needs --root, and no --split-path"), "such as --root static --fallback "+toTarget+" scgi://127.0.0.1:4000")
	case f == toTarget:
		return nil
	case !strings.HasPrefix(f, "/"):
		return cli.Usage(fmt.Errorf("--fallback %.64q does not begin with a slash", f), fallbackHint)
	case kind == "files":
		return nil
	case o.root == "":
		return cli.Usage(errors.New("--fallback needs --root"), fallbackHint)
	case len(o.splitPath) > 0:
		return nil
	case isStatic(f):
		return cli.Usage(fmt.Errorf("--fallback %.64q is sent for every path, so that the target gets no request", f),
			"serve the folder with files:DIR, or name the scripts with --split-path")
	}
	return nil
}

const fallbackHint = "such as --root /srv/www --fallback /index.php, or --fallback /index.html files:DIR"

// isStatic reports whether a fallback is a file and not a script: with no extension, or with one of
// web pages.
func isStatic(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case "", ".html", ".htm", ".xhtml", ".txt":
		return true
	}
	return false
}

// aliasFolders is the value of --alias: folders by the paths of their files.
type aliasFolders = offloadFolders

const denyHint = "such as --deny /data for a path and all below it, or --deny '*.bak' for names anywhere"

const aliasHint = "such as --alias /docs=/usr/share/doc, where the folder must exist"
