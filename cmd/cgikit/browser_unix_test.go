//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// browser is headless Chromium with one page. The test drives it by the DevTools protocol, over the
// descriptors 3 and 4: JSON messages that end with a zero byte.
type browser struct {
	t        *testing.T
	commands *os.File
	session  string // of the page
	loaded   chan struct{}

	mu         sync.Mutex
	last       int // id of a command
	answers    map[int]chan message
	complaints []string // errors and warnings of the console, violations of the policy, and other issues
}

// message is a command's answer, or an event if it has no id.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// openBrowser starts Chromium, and stops it when the test ends.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := webserver.Find(t, "chromium")
	b := &browser{t: t, answers: make(map[int]chan message), loaded: make(chan struct{}, 1)}
	theirs, ours := makePipe(t), makePipe(t)
	b.commands = theirs[1]
	c := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
		"--no-first-run", "--hide-scrollbars", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	c.ExtraFiles = []*os.File{theirs[0], ours[1]}
	var log bytes.Buffer
	c.Stderr = &log
	mustDo(t, c.Start())
	theirs[0].Close()
	ours[1].Close()
	ended := make(chan struct{})
	go func() { defer close(ended); b.read(ours[0]) }()
	t.Cleanup(func() {
		b.commands.Close() // Chromium ends
		c.Wait()
		<-ended
		if t.Failed() {
			t.Log(b.complaints, webserver.Excerpt(log.String()))
		}
	})
	b.attach()
	return b
}

func makePipe(t *testing.T) [2]*os.File {
	t.Helper()
	r, w, err := os.Pipe()
	mustDo(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return [2]*os.File{r, w}
}

// attach opens the page, and lets it report events.
func (b *browser) attach() {
	b.t.Helper()
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Audits"} {
		b.call(domain+".enable", nil, nil)
	}
}

// call sends a command, and waits for its answer.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	answer := make(chan message, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.answers[id] = answer
	b.mu.Unlock()
	command := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		command["params"] = struct{}{}
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	mustDo(b.t, err)
	_, err = b.commands.Write(append(text, 0))
	mustDo(b.t, err)
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			mustDo(b.t, json.Unmarshal(m.Result, result))
		}
	case <-time.After(2 * patience):
		b.t.Fatalf("%s: no answer", method)
	}
}

// read delivers what the browser sends, until it ends.
func (b *browser) read(from *os.File) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		answer := b.answers[m.ID]
		delete(b.answers, m.ID)
		b.mu.Unlock()
		if answer != nil {
			answer <- m
			continue
		}
		b.handleEvent(m)
	}
}

func (b *browser) handleEvent(m message) {
	switch m.Method {
	case "Page.loadEventFired":
		select {
		case b.loaded <- struct{}{}:
		default:
		}
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded":
		if harmless.Match(m.Params) {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %.600s", m.Method, m.Params))
	}
}

// harmless matches what Chromium reports about the test: that no finger touched the button, and
// that the page of an error has an error status.
var harmless = regexp.MustCompile(`"NavigationEntryMarkedSkippable"|"source":"network".*status of 404.*/scgi/nothing"`)

// checkQuiet reports the complaints since the last call.
func (b *browser) checkQuiet(page string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("%s: %s", page, c)
	}
	b.complaints = nil
}

// show sets the screen, and opens a page in it.
func (b *browser) show(url string, s device) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": s.width, "height": s.height, "deviceScaleFactor": 1, "mobile": s.phone()}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": s.scheme}}}, nil)
	b.load(func() {
		var navigated struct{ ErrorText string }
		b.call("Page.navigate", map[string]any{"url": url}, &navigated)
		if navigated.ErrorText != "" {
			b.t.Fatalf("%s: %s", url, navigated.ErrorText)
		}
	})
}

// navigate runs a statement in the page that leads to another page.
func (b *browser) navigate(statement string) {
	b.t.Helper()
	b.load(func() { b.call("Runtime.evaluate", map[string]any{"expression": statement}, nil) })
}

// load waits until the page that begin leads to has loaded.
func (b *browser) load(begin func()) {
	b.t.Helper()
	select {
	case <-b.loaded:
	default:
	}
	begin()
	select {
	case <-b.loaded:
	case <-time.After(2 * patience):
		b.t.Fatal("the page does not load")
	}
}

// evaluate runs an expression in the page, and waits for its value, also that of a promise.
func (b *browser) evaluate(expression string, value any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%.300s: %.1000s", expression, r.ExceptionDetails)
	}
	mustDo(b.t, json.Unmarshal(r.Result.Value, value))
}

// screenshot returns a picture of the page in the format PNG: of its first height pixels, or of all
// of it if height is 0.
func (b *browser) screenshot(s device, height int) []byte {
	b.t.Helper()
	if height == 0 {
		b.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)", &height)
	}
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "optimizeForSpeed": false,
		"clip": map[string]any{"x": 0, "y": 0, "width": s.width, "height": height, "scale": 1}}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	mustDo(b.t, err)
	return data
}
