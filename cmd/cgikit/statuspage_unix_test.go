//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
)

// TestPagesOfServe opens the status page of serve as TestPages does. One of its targets answers,
// and the other one cannot be reached. The page must show new requests without being loaded again,
// and only while it is visible.
func TestPagesOfServe(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	page, site := startWatched(t)
	const requests, broken = 20, 2
	for i := range requests {
		sendFew(t, fmt.Sprint(site, "?", i))
	}
	b.checkPage("status", page)
	b.show(page, devices[2])
	for range broken {
		sendFew(t, site+"broken")
	}
	b.waitForText("requests", fmt.Sprint(requests+broken))
	b.waitForText("failures", fmt.Sprint(broken))
	b.waitForText("slowTop", "up to .*s, log scale")
	b.waitForText("targets", `\s*\S+SCGIready.*\S+SCGIfailing.*all together.*\s*`)
	b.waitFor(`[...document.querySelectorAll(".charts path")].filter(p => p.getAttribute("d")).length == 5`)
	b.checkHidden()
	b.checkQuiet("the status page")
	b.checkSilence()
	b.checkStatic(page)
}

// TestPagesOfSpawn opens the status page of spawn.
func TestPagesOfSpawn(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	program, err := exec.LookPath("cgikit")
	mustDo(t, err)
	page := startServer(t, `(?s)status page address=(http://\S+/).*worker \d+: cgikit: serving`, program, "spawn", "-l", "fastcgi+unix:"+filepath.Join(webserver.Dir(t), "s"),
		"--metrics", "127.0.0.1:0", "-n", "2", "--", program, "serve", "-l", "fastcgi+fd:0", "demo:")[0]
	b.checkPage("spawn", page)
}

// startWatched runs serve, and returns the addresses of its status page and of its site.
func startWatched(t *testing.T) (page, site string) {
	t.Helper()
	program, err := exec.LookPath("cgikit")
	mustDo(t, err)
	n := &neighbours{t: t, dir: webserver.Dir(t)}
	socket := filepath.Join(n.dir, "scgi")
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		if r.Environ.Get("PATH_INFO") != "/broken" {
			_, err := io.WriteString(w, "ok\n")
			return err
		}
		w.Flush()
		return errors.New("on purpose")
	})
	target := n.serve(&scgi.Server{App: app, ErrorLog: silent, Addr: "unix:" + socket}, "scgi+unix:"+socket)
	addresses := startServer(t, `(?s)status page address=(http://\S+/).*serving address=(http://\S+/)`, program,
		"serve", "-l", "http://127.0.0.1:0", "--metrics", "127.0.0.1:0", target, "scgi+unix:"+filepath.Join(n.dir, "missing"))
	return addresses[0], addresses[1]
}

// sendFew requests a page of the site, whose response may be broken.
func sendFew(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		return // the response was broken before its head
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// waitForText waits until an element has a text that matches.
func (b *browser) waitForText(id, pattern string) {
	b.t.Helper()
	b.waitFor(fmt.Sprintf("/^%s$/s.test(document.getElementById(%q).textContent)", pattern, id))
}

// waitFor waits until an expression is true of the page.
func (b *browser) waitFor(expression string) {
	b.t.Helper()
	var done bool
	b.evaluate(`new Promise(resolve => {
		const check = () => { if (`+expression+`) resolve(true); };
		new MutationObserver(check).observe(document, {attributes: true, childList: true, characterData: true, subtree: true});
		check();
	})`, &done)
}

// checkHidden checks that the script fetches nothing while the page is hidden, and goes on after
// it.
func (b *browser) checkHidden() {
	b.t.Helper()
	var hidden int
	b.evaluate(`(async () => {
		let fetched = 0, went;
		const real = window.fetch, on = new Promise(resolve => went = resolve);
		window.fetch = (...args) => { fetched++; went(); return real(...args); };
		Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
		document.dispatchEvent(new Event("visibilitychange"));
		await new Promise(resolve => setTimeout(resolve, 2500)); // longer than the script's pause
		const hidden = fetched;
		delete document.hidden;
		document.dispatchEvent(new Event("visibilitychange"));
		await on;
		return hidden;
	})()`, &hidden)
	if hidden != 0 {
		b.t.Errorf("a hidden page fetched %d times", hidden)
	}
}

// checkSilence checks that the page reports a server that is gone, and the end of that.
func (b *browser) checkSilence() {
	b.t.Helper()
	offline := func(off bool) {
		b.call("Network.emulateNetworkConditions", map[string]any{"offline": off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	}
	b.call("Network.enable", nil, nil)
	offline(true)
	b.waitForText("headline", "No answer")
	offline(false)
	b.waitForText("headline", "Ready")
	b.mu.Lock()
	b.complaints = nil // about the requests that failed
	b.mu.Unlock()
}

// checkStatic checks that the page needs no script.
func (b *browser) checkStatic(page string) {
	b.t.Helper()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.show(page, devices[0])
	b.checkRules("status, without script", devices[0])
	var refresh int
	b.evaluate(`document.querySelectorAll("noscript meta[http-equiv=refresh]").length`, &refresh)
	if refresh != 1 {
		b.t.Error("the page does not load itself again")
	}
}
