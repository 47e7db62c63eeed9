package captures

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

// Capture is one file.
type Capture struct {
	Name          string // the file's name without its extension, such as "nginx-scgi-mounted"
	Server        string // such as "nginx/1.22.1"
	Configuration string // the name of the template in testdata/conf, such as "nginx-scgi"
	Mount         string // the mount point of the application: "" or a path such as "/app"
	Stock         bool   // only nginx's stock parameter files
	Requests      []Request
}

// Request is one request as the client sent it, with the environ that arrived.
type Request struct {
	Line    string        // method and target as the client wrote them, such as "GET /app?x=1"
	Environ *util.Environ // as the web server sent it
}

// Load returns the captures of the folder dir, sorted by name. It fails the test if there are none,
// or if a file is not a capture.
func Load(t testing.TB, dir string) []*Capture {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt")) // sorted
	if err != nil {
		t.Fatal(err)
	}
	var all []*Capture
	for _, path := range paths {
		if !strings.HasPrefix(filepath.Base(path), "launch-") {
			all = append(all, load(t, path))
		}
	}
	if len(all) == 0 {
		t.Fatalf("no captures in %s", dir)
	}
	return all
}

// Environ returns the environ that the server sent for the request with the given line in the
// capture dir/name.txt. The caller may modify it. Environ fails the test if the capture or the
// request does not exist.
func Environ(t testing.TB, dir, name, line string) *util.Environ {
	t.Helper()
	c := load(t, filepath.Join(dir, name+".txt"))
	for _, r := range c.Requests {
		if r.Line == line {
			return r.Environ
		}
	}
	t.Fatalf("captures: %s has no request %q", name, line)
	return nil
}

func load(t testing.TB, path string) *Capture {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("captures: %v", err)
	}
	c, err := parse(string(text))
	if err != nil {
		t.Fatalf("captures: %s: %v", path, err)
	}
	c.Name = strings.TrimSuffix(filepath.Base(path), ".txt")
	return c
}

func parse(text string) (*Capture, error) {
	head, requests, _ := strings.Cut(text, "\n\n")
	c := &Capture{}
	for line := range strings.SplitSeq(head, "\n") {
		if err := c.parseHeaderLine(line); err != nil {
			return nil, err
		}
	}
	if c.Server == "" || c.Configuration == "" || requests == "" {
		return nil, fmt.Errorf("server, configuration and a request are required")
	}
	for block := range strings.SplitSeq(strings.TrimSuffix(requests, "\n"), "\n\n") {
		r, err := parseRequest(block)
		if err != nil {
			return nil, err
		}
		c.Requests = append(c.Requests, r)
	}
	return c, nil
}

// parseHeaderLine parses one line of the header into c.
func (c *Capture) parseHeaderLine(line string) error {
	key, value, _ := strings.Cut(line, ": ")
	field := map[string]*string{"server": &c.Server, "configuration": &c.Configuration, "mount": &c.Mount}[key]
	switch {
	case key == "stock" && value == "true":
		c.Stock = true
	case field == nil || value == "":
		return fmt.Errorf("unknown line %q", line)
	case *field != "":
		return fmt.Errorf("%q twice", key)
	default:
		*field = value
	}
	return nil
}

func parseRequest(block string) (Request, error) {
	first, variables, _ := strings.Cut(block, "\n")
	line, ok := strings.CutPrefix(first, "request: ")
	if !ok || variables == "" {
		return Request{}, fmt.Errorf("no request and its variables: %.100q", block)
	}
	e := util.NewEnviron()
	for v := range strings.SplitSeq(variables, "\n") {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return Request{}, fmt.Errorf("no variable: %q", v)
		}
		e.Add(name, value)
	}
	return Request{line, e}, nil
}

// String returns c as the text of a file, which Load reads.
func (c *Capture) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server: %s\nconfiguration: %s\n", c.Server, c.Configuration)
	if c.Mount != "" {
		fmt.Fprintf(&b, "mount: %s\n", c.Mount)
	}
	if c.Stock {
		b.WriteString("stock: true\n")
	}
	for _, r := range c.Requests {
		fmt.Fprintf(&b, "\nrequest: %s\n", r.Line)
		for name, value := range r.Environ.All() {
			fmt.Fprintf(&b, "%s=%s\n", name, value)
		}
	}
	return b.String()
}
