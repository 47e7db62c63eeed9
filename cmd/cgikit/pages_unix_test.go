//go:build unix

package main

import (
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

var (
	shots   = flag.String("screenshots", "", "folder for the screenshots of TestPages")
	picture = flag.Bool("picture", false, "let TestPages write the picture of the README again")
)

// device is a screen with a colour scheme.
type device struct {
	name          string
	width, height int
	scheme        string
}

func (s device) phone() bool { return s.width < 500 }

// devices are the smallest phone and a desktop.
var devices = []device{
	{"phone-light", 360, 740, "light"},
	{"phone-dark", 360, 740, "dark"},
	{"desktop-light", 1280, 800, "light"},
	{"desktop-dark", 1280, 800, "dark"},
}

// TestPages opens the pages of the demo in a browser: on a phone and a desktop, light and dark. A
// page must not print an error or break its Content-Security-Policy. It must keep pageRules, and
// its links must answer.
//
// With -screenshots FOLDER it keeps a picture of each, for a look at them. With -picture it writes
// testdata/demo.png, which the README shows.
func TestPages(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	program, err := exec.LookPath("cgikit")
	mustDo(t, err)
	base := startDemo(t, program)
	for _, page := range []struct{ name, path string }{
		{"demo", "/"}, {"hello", "/fastcgi/"}, {"form", "/cgi/form"}, {"problem", "/scgi/nothing"},
	} {
		b.checkPage(page.name, base+page.path)
	}
	b.sendForm(base + "/http/form")
	if *picture {
		b.writePicture()
	}
}

func startDemo(t *testing.T, program string) string {
	t.Helper()
	return startServer(t, `(?m)^(http://127\.0\.0\.1:\d+)/$`, program, "demo", "--listen", "127.0.0.1:0")[0]
}

// checkPage opens a page on all devices.
func (b *browser) checkPage(name, address string) {
	b.t.Helper()
	for _, s := range devices {
		b.show(address, s)
		b.checkRules(name, s)
		b.checkScreenshot(name, s)
	}
	b.checkLinks(name, address)
}

// checkScreenshot makes a picture of the first screen, and with -screenshots of the whole page.
func (b *browser) checkScreenshot(name string, s device) {
	b.t.Helper()
	height := s.height
	if *shots != "" {
		height = 0
	}
	data := b.screenshot(s, height)
	if size, err := png.DecodeConfig(bytes.NewReader(data)); err != nil || size.Width != s.width {
		b.t.Errorf("%s, %s: got a picture of %d pixels, error %v", name, s.name, size.Width, err)
	}
	if *shots != "" {
		mustDo(b.t, os.WriteFile(filepath.Join(*shots, name+"-"+s.name+".png"), data, 0o644))
	}
}

// pageRules is a function that returns the rules that a page breaks on a screen of the given width:
// it cannot be scrolled sideways, has landmarks and a hierarchy of headings, each picture has a
// text or is hidden from screen readers, and text has the contrast of WCAG 2.2, section 1.4.3.
const pageRules = `(width) => {
	const broken = [], all = s => [...document.querySelectorAll(s)];
	const wide = document.scrollingElement.scrollWidth;
	if (wide > width) broken.push("is " + wide + " pixels wide: " + all("main *").filter(e => e.getBoundingClientRect().right > width + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 90)).join(" | "));
	for (const landmark of ["header", "main", "footer"]) if (all(landmark).length != 1) broken.push("has not one " + landmark);
	if (!document.documentElement.lang || !document.title) broken.push("has no language or no title");
	let level = 0;
	for (const h of all("h1, h2, h3, h4")) {
		if (h.tagName[1] > level + 1) broken.push("skips a level of headings at " + h.textContent);
		level = +h.tagName[1];
	}
	if (all("h1").length != 1) broken.push("has not one h1");
	for (const p of all("svg, img")) if (!p.ariaHidden && !p.ariaLabel && !p.getAttribute("aria-labelledby")) broken.push("has a picture without text: " + p.outerHTML.slice(0, 90));
	const parse = c => { const n = c.match(/[\d.]+/g).map(Number); return {rgb: n.slice(0, 3), alpha: n[3] ?? 1}; };
	const light = rgb => { const [r, g, b] = rgb.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.alpha > 0) return c.rgb; } return [255, 255, 255]; };
	for (const e of all("body *")) {
		if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) || !e.getClientRects().length || e.closest("svg")) continue;
		const style = getComputedStyle(e), [a, b] = [light(parse(style.color).rgb), light(ground(e))].sort((x, y) => y - x);
		const ratio = (a + .05) / (b + .05), size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) broken.push("has a contrast of " + ratio.toFixed(2) + ": " + e.outerHTML.slice(0, 90));
	}
	return broken;
}`

func (b *browser) checkRules(name string, s device) {
	b.t.Helper()
	var broken []string
	b.evaluate(fmt.Sprintf("(%s)(%d)", pageRules, s.width), &broken)
	for _, rule := range broken {
		b.t.Errorf("%s, %s: the page %s", name, s.name, rule)
	}
	b.checkQuiet(name + ", " + s.name)
}

// checkLinks requests each link of the page that it has just opened. A panic of the demo is a 500.
func (b *browser) checkLinks(name, address string) {
	b.t.Helper()
	var links []string
	b.evaluate(`[...document.querySelectorAll("a[href]")].map(a => a.href)`, &links)
	if len(links) == 0 {
		b.t.Errorf("%s: no link", name)
	}
	for _, link := range links {
		resp, err := http.Head(link) // which does not wait for the stream
		if err != nil {
			b.t.Errorf("%s: %v", name, err)
			continue
		}
		resp.Body.Close()
		want := http.StatusOK
		if strings.HasSuffix(link, "/panic") {
			want = http.StatusInternalServerError
		}
		slow := strings.HasSuffix(link, "/readyz") && resp.StatusCode == http.StatusServiceUnavailable // a probe has half a second
		if resp.StatusCode != want && !slow {
			b.t.Errorf("%s: %s: got %s; want %d", name, link, resp.Status, want)
		}
	}
}

// sendForm sends the form of the demo by its button.
func (b *browser) sendForm(address string) {
	b.t.Helper()
	b.show(address, devices[0])
	b.navigate(`document.querySelector("button").click()`)
	var sent string
	b.evaluate(`document.querySelector("td").textContent`, &sent)
	if sent != "Zoë & 世界" {
		b.t.Errorf("got the field %q", sent)
	}
	b.checkQuiet("the form that was sent")
}

// startServer runs a program until the test ends. It returns the texts of the groups of pattern,
// once the program has printed what matches.
func startServer(t *testing.T, pattern, program string, args ...string) []string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "TMPDIR="+webserver.Dir(t))
	r, w, err := os.Pipe()
	mustDo(t, err)
	defer w.Close()
	c.Stdout, c.Stderr = w, w
	mustDo(t, c.Start())
	printed := &lineLog{pattern: regexp.MustCompile(pattern), found: make(chan []string, 1)}
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(printed, r) }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		<-read
		r.Close()
	})
	select {
	case texts := <-printed.found:
		return texts
	case <-time.After(patience):
		t.Fatalf("%s %v: no line like %s", program, args, pattern)
	}
	return nil
}

// lineLog finds the first match of a pattern in what is written to it.
type lineLog struct {
	pattern *regexp.Regexp
	found   chan []string
	text    []byte
	done    bool
}

func (l *lineLog) Write(p []byte) (int, error) {
	if l.done {
		return len(p), nil
	}
	l.text = append(l.text, p...)
	if m := l.pattern.FindStringSubmatch(string(l.text)); m != nil {
		l.done = true
		l.found <- m[1:]
	}
	return len(p), nil
}

// pictureFile is the picture of the demo in the README.
const pictureFile = "../../testdata/demo.png"

// pictureDevice is so small that the text can be read in the README, which is about 900 pixels
// wide.
var pictureDevice = device{"picture", 1120, 560, "light"}

// writePicture builds the command, since the test program starts more slowly as a CGI program.
func (b *browser) writePicture() {
	b.t.Helper()
	program := filepath.Join(b.t.TempDir(), "cgikit")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.t.Fatalf("%v\n%s", err, out)
	}
	b.show(startDemo(b.t, program)+"/", pictureDevice)
	mustDo(b.t, os.WriteFile(pictureFile, b.screenshot(pictureDevice, pictureDevice.height), 0o644))
}
