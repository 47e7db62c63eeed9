package ping

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

// twoPools is a pool that is well and one that cannot be reached.
func twoPools(t *testing.T) []*Result {
	t.Helper()
	pool, err := parsePool([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	return []*Result{
		{Target: target.Target{Name: `fastcgi+unix:/a"b\c`, Address: listen.Address{Protocol: "fastcgi", Network: "unix", Path: `/a"b\c`}},
			Answer: answer{pool: pool}, Latency: time.Millisecond, Queue: Queue{true, 7, 511}},
		{Target: target.Target{Name: "fastcgi://h:1", Address: listen.Address{Protocol: "fastcgi", Network: "tcp", Host: "h", Port: 1}}, State: Dead, Cause: "gone | away"},
	}
}

// TestOpenMetrics: each family has its metadata once and before its samples, all samples of a
// family follow each other, and a counter's end in _total (OpenMetrics 1.0).
func TestOpenMetrics(t *testing.T) {
	var b strings.Builder
	if err := writeOpenMetrics(twoPools(t), &b); err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile(`^([a-z_]+)\{target="(?:[^"\\]|\\.)*"(?:,pool="www")?\} [0-9.e+-]+$`)
	kinds, family := make(map[string]string), ""
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, line := range lines {
		fields := strings.Fields(line)
		switch {
		case line == "# EOF" && i == len(lines)-1:
		case strings.HasPrefix(line, "# TYPE "):
			family = fields[2]
			if kinds[family] != "" {
				t.Errorf("%s is there twice", family)
			}
			kinds[family] = fields[3]
		case strings.HasPrefix(line, "# HELP "+family+" "):
		default:
			want := family
			if kinds[family] == "counter" {
				want += "_total"
			}
			if m := sample.FindStringSubmatch(line); m == nil || m[1] != want {
				t.Errorf("got %q; want a sample of %s", line, want)
			}
		}
	}
	for _, want := range []string{
		`phpfpm_up{target="fastcgi+unix:/a\"b\\c",pool="www"} 1`, `phpfpm_up{target="fastcgi://h:1"} 0`,
		`phpfpm_accepted_connections_total{target="fastcgi+unix:/a\"b\\c",pool="www"} 900`,
		`phpfpm_listen_queue{target="fastcgi+unix:/a\"b\\c",pool="www"} 7`,
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no line %s in\n%s", want, b.String())
		}
	}
	if n := len(kinds); n != 14 {
		t.Errorf("got %d families; want all but that of memory, which this page does not have", n)
	}
}

// TestNagios: one line, whose only bar is that before the figures, with the ranges of the
// conditions.
func TestNagios(t *testing.T) {
	o := &Options{failIf: []string{"saturation>=90%", "queue>9"}, warnIf: []string{"idle-processes<2"}}
	p := &plan{Options: o, named: true}
	var err error
	if p.failIf, err = parseConditions("fail-if", o.failIf); err != nil {
		t.Fatal(err)
	}
	if p.warnIf, err = parseConditions("warn-if", o.warnIf); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	results := twoPools(t)
	if err := p.writeNagios(results[:1], &b); err != nil {
		t.Fatal(err)
	}
	want := `PING OK - ok: php-fpm "www" at /a"b\c, 1.0 ms, 19 of 20 busy, queue 7 of 511 | ` +
		`'latency'=0.001s;;;0; 'queue'=7;;9;0; 'saturation'=95%;;90;0; 'idle-processes'=1;2:;;0;` + "\n"
	if b.String() != want {
		t.Errorf("got  %s; want %s", b.String(), want)
	}
	b.Reset()
	if err := p.writeNagios(results, &b); err != nil {
		t.Fatal(err)
	}
	if want := "PING CRITICAL - 2 targets, the worst is dead: h:1: gone / away | '/a"; !strings.HasPrefix(b.String(), want) || strings.Count(b.String(), "|") != 1 {
		t.Errorf("got  %s; want %s", b.String(), want)
	}
	for _, tt := range []struct {
		state State
		live  bool
		want  int
	}{{OK, false, 0}, {Warning, false, 1}, {Busy, false, 2}, {Busy, true, 0}, {Unhealthy, true, 2}, {Dead, true, 2}} {
		if got := nagiosStatus(&Result{State: tt.state}, tt.live); got != tt.want {
			t.Errorf("%v, live %v: got %d; want %d", tt.state, tt.live, got, tt.want)
		}
	}
}
