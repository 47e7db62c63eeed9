package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// newAccessLog returns the logger of the access log, or nil if format is off.
func newAccessLog(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "off":
		return nil, nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: jsonField})), nil
	case "combined":
		return slog.New(&combined{w: w}), nil
	}
	return nil, cli.Usage(fmt.Errorf("unknown access log %.64q", format), "--access-log is combined, json or off")
}

// jsonField removes attributes that are the same in every line, and escapes control characters.
func jsonField(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.MessageKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(exchange.Printable(a.Value.String()))
	}
	return a
}

// logAccess logs a request. The time of the record is the start of the request.
func logAccess(log *slog.Logger, a *gateway.Access) {
	e := a.Request.Environ
	r := slog.NewRecord(a.Start, slog.LevelInfo, "request", 0)
	r.AddAttrs(
		slog.String("remote", e.Get("REMOTE_ADDR")),
		slog.String("user", e.Get("REMOTE_USER")),
		slog.String("method", e.Get("REQUEST_METHOD")),
		slog.String("uri", cmp.Or(e.Get("REQUEST_URI"), e.Get("SCRIPT_NAME")+e.Get("PATH_INFO"))),
		slog.String("protocol", e.Get("SERVER_PROTOCOL")),
		slog.String("host", e.Get("HTTP_HOST")),
		slog.Int("status", a.Status),
		slog.Int64("bytes", a.Bytes),
		slog.Float64("seconds", a.Duration.Round(time.Microsecond).Seconds()),
		slog.Float64("head", a.Head.Round(time.Microsecond).Seconds()),
		slog.String("referer", e.Get("HTTP_REFERER")),
		slog.String("agent", e.Get("HTTP_USER_AGENT")),
	)
	if id := a.Request.ID(); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if a.Script != "" {
		r.AddAttrs(slog.String("script", a.Script))
	}
	if a.Err != nil {
		r.AddAttrs(slog.String("error", a.Err.Error()))
	}
	// an error of the log cannot be logged
	_ = log.Handler().Handle(a.Request.Context(), r)
}

// combined is a slog.Handler that writes the records of logAccess in Apache's LogFormat "combined".
// The id of a request follows the other fields.
type combined struct {
	w  io.Writer
	mu sync.Mutex
}

// Enabled implements slog.Handler.
func (*combined) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler. The format has no other attributes.
func (c *combined) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler.
func (c *combined) WithGroup(string) slog.Handler { return c }

// Handle implements slog.Handler. A record is one write, so that lines do not mix.
func (c *combined) Handle(_ context.Context, r slog.Record) error {
	fields := make(map[string]string, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = a.Value.String()
		return true
	})
	field := func(name string) string { return cmp.Or(escapeField(fields[name]), "-") }
	size := fields["bytes"]
	if size == "0" {
		size = "-"
	}
	request := "-"
	if fields["method"] != "" {
		request = strings.TrimSuffix(escapeField(fields["method"]+" "+fields["uri"]+" "+fields["protocol"]), " ")
	}
	line := fmt.Sprintf("%s - %s [%s] \"%s\" %s %s \"%s\" \"%s\"", oneWord(field("remote")), oneWord(field("user")),
		r.Time.Format("02/Jan/2006:15:04:05 -0700"), request, fmt.Sprintf("%03s", fields["status"]), size, field("referer"), field("agent"))
	if id := fields["request_id"]; id != "" {
		line += " " + id
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := io.WriteString(c.w, line+"\n")
	return err
}

// escapeField escapes, in the way of Apache, characters that could end a field or a line, or
// control a terminal (CVE-2003-0020).
func escapeField(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatUint(uint64(c)|0x100, 16)[1:])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// oneWord escapes a field that has no quotes around it.
func oneWord(s string) string { return strings.ReplaceAll(s, " ", `\x20`) }
