package ping

import (
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// page is what php-fpm 8.2.36 wrote, with other numbers.
const page = `{"pool":"www","process manager":"dynamic","start time":1795948019,"start since":60,"accepted conn":900,` +
	`"listen queue":3,"max listen queue":9,"listen queue len":511,"idle processes":1,"active processes":19,"total processes":20,` +
	`"max active processes":20,"max children reached":2,"slow requests":4}`

func TestParsePool(t *testing.T) {
	p, err := parsePool([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "www" || p.Manager != "dynamic" || p.Numbers["listen-queue-len"] != 511 || p.String() != "19 of 20 busy" || p.saturation() != 95 {
		t.Errorf("got %+v", p)
	}
	for _, other := range []string{"", "pong", "[]", "{}", `{"pool":"www"}`, `{"active processes":1}`, `{"pool":1,"active processes":"x"}`, page[:100]} {
		if p, err := parsePool([]byte(other)); err == nil {
			t.Errorf("%q: got %+v", other, p)
		}
	}
}

func TestConditions(t *testing.T) {
	pool, err := parsePool([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	php := &Result{Answer: answer{pool: pool}, Latency: 250 * time.Millisecond}
	queued := &Result{Answer: answer{pool: pool}, Queue: Queue{Known: true, Waiting: 7, Limit: 511}}
	for _, tt := range []struct {
		text     string
		of       *Result
		want     bool
		describe string
	}{
		{"saturation>=90%", php, true, "saturation 95% >= 90%"},
		{"saturation>=95", php, true, "saturation 95% >= 95%"},
		{"saturation > 95%", php, false, ""},
		{"listen-queue>2", php, true, "listen-queue 3 > 2"},
		{"listen queue>2", php, true, "listen-queue 3 > 2"},
		{"listen-queue>6", queued, true, "listen-queue 7 > 6"},
		{"queue>6", queued, true, "queue 7 > 6"},
		{"queue>=0", php, false, ""}, // not known
		{"idle-processes<2", php, true, "idle-processes 1 < 2"},
		{"idle-processes<=0", php, false, ""},
		{"max-children-reached=2", php, true, "max-children-reached 2 = 2"},
		{"max-children-reached==3", php, false, ""},
		{"slow-requests!=0", php, true, "slow-requests 4 != 0"},
		{"latency>200ms", php, true, "latency 250.0 ms > 200.0 ms"},
		{"latency<0.2s", php, false, ""},
		{"memory-peak>0", php, false, ""}, // this page has none
	} {
		c, err := parseCondition("fail-if", tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := c.check(tt.of); got != tt.want {
			t.Errorf("%q: got %v", tt.text, got)
		}
		if tt.want && c.describe(tt.of) != tt.describe {
			t.Errorf("%q: got %q; want %q", tt.text, c.describe(tt.of), tt.describe)
		}
	}
}

func TestConditionMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "has no operator",
		"saturation":                    "has no operator",
		"saturation=>90":                "is not an operator",
		"saturation>>90":                "is not an operator",
		"busy>1":                        `"busy" is not known`,
		">1":                            "is not known",
		"listen-queue>":                 "is not a number",
		"listen-queue>x":                "is not a number",
		"listen-queue>-1":               "is not a number",
		"listen-queue>90%":              "is not a number",
		"listen-queue>NaN":              "is not a number",
		"listen-queue>1e300":            "is not a number",
		"latency>200":                   "is not a time",
		"latency>x\x1b[31m":             "is not a time",
		strings.Repeat("x", 1e5) + ">1": "is not known",
	} {
		_, err := parseCondition("fail-if", text)
		if cli.Status(err) != cli.StatusUsage || cli.Hint(err) == "" || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.40q: got %.300v, hint %q; want %q", text, err, cli.Hint(err), want)
		}
	}
}
