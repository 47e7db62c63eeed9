package host

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// content is a file, or a folder of which a list is sent. It is an http.Handler.
type content struct {
	name string // path below the root
	*exchange.Opened
	coding string // Content-Encoding of the file; empty if it is the file called name
	varies bool   // another client may get another coding

	mount  string // path of the root
	denied []pathPattern
}

// mostRead is the size of a file, in bytes, up to which it is read into memory. It is then sent
// together with the head, in one write. sendfile(2) needs more system calls, which cost more than
// the copy.
const mostRead = 4 << 10

// openContent opens the file or folder at name, which has no slash at its end.
func openContent(folder *exchange.Folder, name string) (*content, error) {
	opened, err := folder.Load(name, mostRead)
	if err != nil {
		return nil, err
	}
	return &content{name: name, Opened: opened}, nil
}

// findContent opens the content for name: a file, the index of a folder, or the folder.
func findContent(folder *exchange.Folder, name string) (*content, error) {
	bare := strings.TrimSuffix(name, "/")
	slash := bare != name || name == ""
	found, err := openContent(folder, bare)
	switch {
	case err != nil:
		return nil, err
	case found.Mode.IsDir() && slash:
		return found.index(folder)
	case !found.Mode.IsDir() && !slash:
		return found, nil
	}
	found.Close()
	if slash {
		return nil, fs.ErrNotExist
	}
	return nil, &unslashed{name}
}

// staticIndex is the file that is sent for its folder.
const staticIndex = "index.html"

// index returns the index of a folder, or the folder itself if it has none.
func (c *content) index(folder *exchange.Folder) (*content, error) {
	index, err := openContent(folder, c.name+"/"+staticIndex)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err == nil && index.Mode.IsDir():
		index.Close()
		return c, nil
	}
	c.Close()
	return index, err
}

// ServeHTTP implements http.Handler.
func (c *content) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if c.Mode.IsDir() {
		c.sendList(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType(c.name))
	w.Header().Set("Etag", etag(c.ModTime, c.Size, c.coding))
	if c.varies {
		w.Header().Set("Vary", "Accept-Encoding")
	}
	if c.coding != "" {
		w.Header().Set("Content-Encoding", c.coding)
		w, r = &sized{w, c.Size}, withoutRange(r)
	}
	http.ServeContent(w, r, "", c.ModTime, c.seeker())
}

// seeker returns the file, or the bytes of a small one.
func (c *content) seeker() io.ReadSeeker {
	if c.File != nil {
		return c.File
	}
	return bytes.NewReader(c.Content)
}

// etag returns the strong entity tag of a file. The time has the resolution of the file system, so
// that two versions of the same size differ, even if they were written in the same second.
func etag(changed time.Time, size int64, coding string) string {
	tag := strconv.AppendUint([]byte{'"'}, uint64(changed.UnixNano()), 16)
	tag = strconv.AppendInt(append(tag, '-'), size, 16)
	if coding != "" {
		tag = append(append(tag, '-'), coding...)
	}
	return string(append(tag, '"'))
}

// sendList answers with a sorted list of the names in a folder.
func (c *content) sendList(w http.ResponseWriter, r *http.Request) {
	entries, err := c.File.ReadDir(-1)
	if err != nil {
		httpapp.Request(r).Warn(err.Error())
		http.Error(w, "The folder cannot be read.", http.StatusInternalServerError)
		return
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n")
	for _, e := range entries {
		name := e.Name()
		if exchange.IsHidden(name) || matchAny(c.denied, c.mount+c.name+"/"+name) {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		fmt.Fprintf(w, "<a href=\"%s\">%s</a>\n", (&url.URL{Path: name}).String(), html.EscapeString(name))
	}
	fmt.Fprint(w, "</pre>\n")
}

// contentType returns the type of a file by the extension of its name. The types in contentTypes
// are the same on every machine. Other extensions have the types that the machine knows.
func contentType(name string) string {
	extension := strings.ToLower(path.Ext(name))
	if kind, ok := contentTypes[extension]; ok {
		return kind
	}
	return cmp.Or(mime.TypeByExtension(extension), "application/octet-stream")
}

var contentTypes = map[string]string{
	".avif":        "image/avif",
	".css":         "text/css; charset=utf-8",
	".csv":         "text/csv; charset=utf-8",
	".gif":         "image/gif",
	".gz":          "application/gzip",
	".htm":         "text/html; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/vnd.microsoft.icon",
	".jpeg":        "image/jpeg",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".md":          "text/markdown; charset=utf-8",
	".mjs":         "text/javascript; charset=utf-8",
	".mp3":         "audio/mpeg",
	".mp4":         "video/mp4",
	".ogg":         "audio/ogg",
	".otf":         "font/otf",
	".pdf":         "application/pdf",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".tar":         "application/x-tar",
	".ttf":         "font/ttf",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".wav":         "audio/wav",
	".webm":        "video/webm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff":        "font/woff",
	".woff2":       "font/woff2",
	".xhtml":       "application/xhtml+xml",
	".xml":         "text/xml; charset=utf-8",
	".zip":         "application/zip",
}
