package demo

import (
	"crypto/sha256"
	_ "embed" // the style sheet
	"encoding/base64"
	"html/template"
	"strings"
)

//go:embed style.css
var styleCSS string

// Style returns the style sheet of the demo's pages, for another page that must have the same look.
// It follows the light or dark mode of the browser.
func Style() template.CSS { return template.CSS(styleCSS) }

// Icon returns the element of a page's head that names its icon, which is part of the page. Without
// it a browser requests /favicon.ico.
func Icon() template.HTML {
	return `<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E` +
		`%3Crect width='16' height='16' rx='4' fill='%230b6e6e'/%3E` +
		`%3Cpath d='M6 4l4 4-4 4' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E">`
}

// Policy returns the Content-Security-Policy of a page with one style element, whose text is style,
// and with Icon. The page loads nothing else, runs no script, sends no form and cannot be framed,
// unless more has directives that allow it, such as "form-action 'self'".
func Policy(style template.CSS, more ...string) string {
	directives := []string{"default-src 'none'", "style-src " + Hash(string(style)), "img-src data:", "base-uri 'none'", "frame-ancestors 'none'"}
	for _, d := range more {
		if strings.HasPrefix(d, "form-action ") {
			return strings.Join(append(directives, more...), "; ")
		}
	}
	return strings.Join(append(append(directives, "form-action 'none'"), more...), "; ")
}

// Hash returns the source of a Content-Security-Policy that allows one style or script element,
// whose text is exactly text.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
