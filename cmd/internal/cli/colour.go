package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Colour is one of the few colours that the command uses.
type Colour string

// The colours, as SGR sequences of ECMA-48.
const (
	Red    Colour = "\x1b[31m"
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
	Cyan   Colour = "\x1b[36m"
	Bold   Colour = "\x1b[1m"
	Dim    Colour = "\x1b[2m"

	reset = "\x1b[0m"
)

// Palette writes colours or leaves them out. The zero value leaves them out.
type Palette struct{ on bool }

// NewPalette decides whether text for w has colour. When is the value of --color: "always",
// "never", or "auto" (also ""), which means a terminal, without NO_COLOR and with a TERM that is
// not "dumb". The error of any other value is a Usage.
func NewPalette(w io.Writer, when string, getenv func(string) string) (Palette, error) {
	switch when {
	case "always":
		return Palette{true}, nil
	case "never":
		return Palette{}, nil
	case "", "auto":
		plain := getenv("NO_COLOR") != "" || getenv("TERM") == "dumb"
		return Palette{!plain && IsTerminal(w)}, nil
	}
	return Palette{}, Usage(fmt.Errorf("--color %.32q is not known", when), "--color is auto, always or never")
}

// On reports whether text has colour.
func (p Palette) On() bool { return p.on }

// Paint returns text in a colour.
func (p Palette) Paint(c Colour, text string) string {
	if !p.on || text == "" {
		return text
	}
	return string(c) + text + reset
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns the terminal w has. It returns 0 if w is not a terminal.
func Width(w any) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
