package host

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// offloaded opens the file that a response names, nil if it names none or may not.
func (x *relay) offloaded(fields *headers.Headers) (*os.File, error) {
	folders := x.handler.Offload
	if len(folders) == 0 {
		return nil, nil
	}
	dir, local, named := "", "", ""
	if named = fields.Get("X-Accel-Redirect"); named != "" {
		dir, local = accelFile(folders, named)
	} else if named = fields.Get("X-Sendfile"); named != "" {
		dir, local = sendfileFile(folders, named)
	} else {
		return nil, nil
	}
	if dir == "" {
		return nil, notAllowed(named, errors.New("is in no folder of Offload"))
	}
	f, err := openFile(dir, local)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %.64q of the application", ErrNotFound, named)
	}
	if err != nil {
		return nil, notAllowed(named, err)
	}
	return f, nil
}

func notAllowed(named string, err error) error {
	return &gateway.BackendError{Status: 502, Reason: "the application named a file that cannot be sent", Err: fmt.Errorf("%.64q: %w", named, err)}
}

// accelFile finds the folder of the longest prefix of a path that may be encoded, as nginx decodes it, and may have a query.
func accelFile(folders map[string]string, target string) (dir, local string) {
	target, _, _ = strings.Cut(target, "?")
	decoded, err := url.PathUnescape(target)
	if err != nil {
		return "", ""
	}
	longest := -1
	for prefix, folder := range folders {
		prefix = util.CleanMount(prefix)
		rest, ok := strings.CutPrefix(decoded, prefix+"/")
		if ok && len(prefix) > longest {
			longest, dir, local = len(prefix), folder, rest
		}
	}
	return dir, local
}

// sendfileFile finds a folder that the file is in, if its path is taken by the letter.
func sendfileFile(folders map[string]string, name string) (dir, local string) {
	for _, folder := range folders {
		rel, err := filepath.Rel(folder, name)
		if err == nil && filepath.IsAbs(name) && filepath.IsLocal(rel) && len(folder) > len(dir) {
			dir, local = folder, filepath.ToSlash(rel)
		}
	}
	return dir, local
}

// openFile opens a regular file below dir. os.Root follows no link out of it (CVE-2025-61780 was a way around a comparison).
func openFile(dir, local string) (*os.File, error) {
	local, err := filepath.Localize(local)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(local) // before it is opened: opening a named pipe would wait for its other end
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no regular file")
	}
	return root.Open(local)
}

// sendFile answers with f in the place of the response's body, with ranges and conditions as net/http does them.
func sendFile(w gateway.ResponseWriter, r *gateway.Request, resp *gateway.Response, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fields := headers.New()
	if _, _, err := resp.Final(fields); err != nil {
		return err
	}
	return httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range fields.All() {
			if !isForServer(name) && !strings.EqualFold(name, "Content-Length") {
				w.Header().Add(name, value)
			}
		}
		if w.Header().Get("Content-Type") == "" {
			kind := mime.TypeByExtension(filepath.Ext(f.Name()))
			w.Header().Set("Content-Type", orUnknown(kind))
		}
		http.ServeContent(w, r, "", info.ModTime(), f)
	})).ServeGateway(w, r)
}

// orUnknown keeps net/http from looking into the file: what a user has uploaded is not HTML because it begins so.
func orUnknown(kind string) string {
	if kind == "" {
		return "application/octet-stream"
	}
	return kind
}
