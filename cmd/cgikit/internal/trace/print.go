package trace

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Printer is the Sink that writes lines.
type Printer struct {
	W io.Writer

	JSON      bool          // a JSON object a line
	Exchanges bool          // a line for each exchange in place of one for each record
	Slow      time.Duration // with Exchanges: only those that took at least this long
	Lint      bool          // name the rules that are broken
	Hex       bool          // show contents as a hex dump
	Body      int           // how many bytes of a content are shown, as text or with Hex
	Variables bool          // show the variables of a request, a line for each
	Secrets   bool          // show passwords, tokens and cookies, which are *** otherwise
	Only      []string      // kinds in lower case, or "errors"; empty is all

	// Paint colours a line of the direction; nil leaves it plain.
	Paint func(d Direction, broken bool, line string) string

	// Buffered collects lines until Flush is called, which a Proxy does several times a second, or
	// until 32 KiB wait.
	Buffered bool

	Seen, Broken int   // exchanges that ended, and rules that were broken, in any line
	Err          error // the first error of W, after which nothing is written

	waiting []byte
	line    []byte // used again for each event
}

// maxWaiting is how many bytes of lines wait at most.
const maxWaiting = 32 << 10

// Event implements Sink.
func (p *Printer) Event(e *Event) {
	p.Seen += len(e.Ended)
	p.Broken += len(e.Broken)
	if p.Err != nil {
		return
	}
	if p.Exchanges {
		for _, x := range e.Ended {
			if x.Whole >= p.Slow {
				p.writeExchange(e, x)
			}
		}
		return
	}
	if !p.wants(e) {
		return
	}
	if p.JSON {
		p.writeJSON(p.record(e))
		return
	}
	p.writeLine(e)
}

// wants reports whether --only lets the event through.
func (p *Printer) wants(e *Event) bool {
	if len(p.Only) == 0 {
		return true
	}
	isError := len(e.Broken) > 0 || slices.ContainsFunc(e.Ended, (*Exchange).failed)
	return slices.Contains(p.Only, strings.ToLower(e.Kind)) || isError && slices.Contains(p.Only, "errors")
}

// failed reports whether the exchange did not end as it should.
func (x *Exchange) failed() bool {
	return x.CutOff || x.Refused != "" || strings.HasPrefix(x.Status, "5")
}

// writeLine writes an event for people: the time in seconds, the connection, the direction.
func (p *Printer) writeLine(e *Event) {
	b := appendSeconds(p.line[:0], e.At)
	b = strconv.AppendInt(append(b, "  #"...), int64(e.Conn), 10)
	b = append(b, ' ', byte(e.Direction), ' ')
	b = append(b, e.Kind...)
	if e.HasID {
		b = strconv.AppendUint(append(b, " id="...), uint64(e.ID), 10)
	}
	if e.HasID || e.Length > 0 {
		b = strconv.AppendInt(append(b, ' '), int64(e.Length), 10)
		b = append(b, " B"...)
	}
	if e.Note != "" {
		b = append(append(b, "  "...), e.Note...)
	}
	if p.Lint {
		for _, v := range e.Broken {
			b = append(b, "  "+v.ID+": "+v.What...)
		}
	}
	p.line = append(append(b, '\n'), p.content(e)...)
	if p.Paint == nil {
		p.writeText(p.line)
		return
	}
	p.write(e, string(p.line))
}

// appendSeconds appends a time in seconds, with three decimals and at least eight characters.
func appendSeconds(b []byte, d time.Duration) []byte {
	start := len(b)
	ms := (d + time.Millisecond/2) / time.Millisecond
	b = strconv.AppendInt(b, int64(ms/1000), 10)
	b = append(b, '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
	for len(b)-start < 8 {
		b = slices.Insert(b, start, ' ')
	}
	return b
}

// content is what --body and -x show of a content; "" for nothing. A last line tells how much is
// left out.
func (p *Printer) content(e *Event) string {
	if p.Variables || p.Body > 0 && len(e.Variables) > 0 && !p.Secrets {
		return p.formatVariables(e)
	}
	if p.Body == 0 || len(p.shownContent(e)) == 0 {
		return ""
	}
	whole := p.shownContent(e)
	shown := whole[:min(p.Body, len(whole))]
	var text string
	if p.Hex {
		text = hex.Dump(shown)
	} else {
		text = quoteCut(string(shown), len(shown)) + "\n"
	}
	text = "          | " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n          | ") + "\n"
	if len(shown) < len(whole) {
		text += fmt.Sprintf("          | (the first %d of %d B)\n", len(shown), e.Length)
	}
	return text
}

func (p *Printer) writeExchange(e *Event, x *Exchange) {
	if len(p.Only) > 0 && !(x.failed() && slices.Contains(p.Only, "errors")) {
		return
	}
	if p.JSON {
		p.writeJSON(exchangeRecord(e, x))
		return
	}
	status := quoteCut(x.Status, 40)
	switch {
	case x.CutOff:
		status += " cut off"
	case x.Refused != "":
		status = x.Refused
	}
	p.write(e, fmt.Sprintf("%8.3f  #%d  %s  %s  %s to head, %s  sent %d B, got %d B  appStatus %d%s\n", x.Began.Seconds(), e.Conn,
		requestLine(x.Method, x.URI), strings.TrimSpace(status), milliseconds(x.Head), milliseconds(x.Whole), x.Sent, x.Got, x.AppStatus, stderrNote(x.Stderr)))
}

func stderrNote(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("  stderr %d B", n)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func (p *Printer) write(e *Event, text string) {
	if p.Paint != nil {
		text = p.Paint(e.Direction, p.Lint && len(e.Broken) > 0, text)
	}
	p.writeText([]byte(text))
}

func (p *Printer) writeText(text []byte) {
	p.waiting = append(p.waiting, text...)
	if !p.Buffered || len(p.waiting) >= maxWaiting {
		p.Flush()
	}
}

// Flush writes the lines that wait.
func (p *Printer) Flush() {
	if p.Err == nil && len(p.waiting) > 0 {
		_, p.Err = p.W.Write(p.waiting)
	}
	p.waiting = p.waiting[:0]
}

func (p *Printer) writeJSON(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		p.Err = err
		return
	}
	p.writeText(append(line, '\n'))
}

// jsonRecord is a line of --json. Times are seconds.
type jsonRecord struct {
	At        float64         `json:"at"`
	Conn      int             `json:"conn"`
	Direction string          `json:"direction"` // "app" or "server": where it goes
	Kind      string          `json:"kind"`
	ID        *uint16         `json:"id,omitempty"`
	Length    int             `json:"length"`
	Note      string          `json:"note,omitempty"`
	Variables [][2]string     `json:"variables,omitempty"` // name and value, in order
	Content   string          `json:"content,omitempty"`
	Truncated bool            `json:"truncated,omitempty"`
	Broken    []jsonViolation `json:"broken,omitempty"`
}

type jsonViolation struct {
	ID   string `json:"id"`
	What string `json:"what"`
}

func (p *Printer) record(e *Event) jsonRecord {
	r := jsonRecord{At: e.At.Seconds(), Conn: e.Conn, Direction: e.Direction.goal(), Kind: e.Kind, Length: e.Length, Note: e.Note}
	if e.HasID {
		r.ID = &e.ID
	}
	whole := p.shownContent(e)
	shown := whole[:min(p.Body, len(whole))]
	r.Content, r.Truncated = string(shown), p.Body > 0 && len(shown) < len(whole)
	if p.Hex {
		r.Content = hex.EncodeToString(shown)
	}
	if p.Variables {
		for _, v := range e.Variables {
			r.Variables = append(r.Variables, [2]string{v.Name, p.mask(v.Name, v.Value)})
		}
	}
	for _, v := range e.Broken {
		r.Broken = append(r.Broken, jsonViolation(v))
	}
	return r
}

// goal is where bytes of the direction go.
func (d Direction) goal() string {
	if d == ToApp {
		return "app"
	}
	return "server"
}

// jsonExchange is a line of --json with --exchanges. Times are seconds.
type jsonExchange struct {
	At        float64 `json:"at"`
	Conn      int     `json:"conn"`
	Method    string  `json:"method"`
	URI       string  `json:"uri"`
	Status    string  `json:"status"`
	Head      float64 `json:"head"`
	Whole     float64 `json:"whole"`
	Sent      int64   `json:"sent"`
	Got       int64   `json:"got"`
	AppStatus uint32  `json:"app_status"`
	Refused   string  `json:"refused,omitempty"`
	CutOff    bool    `json:"cut_off,omitempty"`
	Stderr    int64   `json:"stderr,omitempty"`
}

func exchangeRecord(e *Event, x *Exchange) jsonExchange {
	return jsonExchange{
		At: x.Began.Seconds(), Conn: e.Conn, Method: x.Method, URI: x.URI, Status: x.Status, Head: x.Head.Seconds(), Whole: x.Whole.Seconds(),
		Sent: x.Sent, Got: x.Got, AppStatus: x.AppStatus, Refused: x.Refused, CutOff: x.CutOff, Stderr: x.Stderr,
	}
}
