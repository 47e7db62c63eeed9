package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/host"
)

// setSite sets the folder of the site, and serves those of its files that are not scripts.
func setSite(h *host.Handler, o targetOptions) (err error) {
	if o.root == "" {
		return checkSite(h, o)
	}
	if h.Root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	h.Symlinks, h.ResolveRoot = o.symlinks, o.resolveRoot
	files := o.files(h.Root, h.ErrorLog)
	if err := checkFolder(files, o.root); err != nil {
		return err
	}
	switch f := o.site.fallback; {
	case f == toTarget:
		h.Next, h.Index = files, []string{staticIndex}
	case f != "" && len(o.splitPath) == 0:
		o.splitPath = []string{filepath.Ext(f)} // a script: checkFallback
		fallthrough
	case len(o.splitPath) > 0:
		h.Next, h.SplitPath, h.Fallback = files, o.splitPath, f
		h.Index = o.indexes()
		h.Mount = o.mount // without --split-path the servers set the mount
	}
	return checkSite(h, o)
}

// indexes returns the names of --index, or the defaults.
func (o *targetOptions) indexes() []string {
	if len(o.index) > 0 {
		return o.index
	}
	var names []string
	for _, extension := range o.splitPath {
		names = append(names, "index"+extension)
	}
	return append(names, staticIndex)
}

// staticIndex is the only index that is sent as a file: host.Files has no other.
const staticIndex = "index.html"

// checkSite reports mistakes in the flags of the site.
func checkSite(h *host.Handler, o targetOptions) error {
	switch split := len(o.splitPath) > 0; {
	case split && o.root == "":
		return cli.Usage(errors.New("--split-path needs --root"), siteHint)
	case !split && len(o.index) > 0:
		return cli.Usage(errors.New("--index needs --split-path"), siteHint)
	case o.resolveRoot && o.root == "":
		return cli.Usage(errors.New("--resolve-root needs --root"), "such as --root /srv/www/current --resolve-root")
	}
	for _, name := range h.Index {
		if name != staticIndex && !o.isScript(name) {
			return cli.Usage(fmt.Errorf("--index %.64q is neither a script by --split-path nor %s", name, staticIndex), siteHint)
		}
	}
	err := h.Check()
	if err == nil {
		return nil
	}
	bad := (*host.FieldError)(nil)
	if !errors.As(err, &bad) {
		return cli.Usage(err, siteHint)
	}
	for _, flag := range []struct{ field, name, hint string }{
		{"SplitPath", "--split-path", siteHint},
		{"Index", "--index", siteHint},
		{"Fallback", "--fallback", fallbackHint},
		{"Deny", "--deny", denyHint},
		{"Env", "--env", "such as --env APP_ENV=production; variables that identify the request cannot be set"},
		{"Offload", "--offload", "such as --offload /protected=/srv/files, where the folder must exist"},
	} {
		if bad.Field == flag.field {
			return cli.Usage(fmt.Errorf("%s: %w", flag.name, bad.Err), flag.hint)
		}
	}
	return cli.Usage(err, siteHint)
}

const siteHint = "such as --root /srv/www --split-path .php --index index.php"

func (o *targetOptions) isScript(name string) bool {
	for _, extension := range o.splitPath {
		if strings.HasSuffix(name, extension) {
			return true
		}
	}
	return false
}
