package monitor

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/ping"
)

// The states of the process and of a target.
const (
	stateReady   = "ready"
	stateBusy    = "busy"
	stateFailing = "failing"
)

// Target is one of the addresses of an application.
type Target struct {
	Name string // as the user wrote it

	// Probe asks the target, at most once in a second.
	Probe func() *ping.Result

	// Queue returns the connections that wait at the target's socket; it may be nil.
	Queue func() ping.Queue
}

// status is what the page shows. The page has it as HTML, and its script fetches it as JSON: each
// text, path and table has the id of its element.
type status struct {
	State  string           `json:"state"`
	Texts  map[string]text  `json:"texts"`
	Paths  map[string]path  `json:"paths"`
	Tables map[string][]row `json:"tables"`
	Host   string           `json:"-"` // the target, for the title
}

type (
	text = string
	path = string
)

// row is a row of a table. The first cell is its head.
type row struct {
	State string   `json:"state,omitempty"` // the class of the row
	Cells []string `json:"cells"`
	Bar   *int     `json:"bar,omitempty"` // the length of a bar, in per cent
}

// newStatus collects the figures of m. It probes the targets as /readyz does.
func newStatus(m *Monitor) *status {
	now := m.Ledger.Figures()
	s := &status{Host: m.hostText(), Texts: make(map[string]text), Paths: make(map[string]path), Tables: make(map[string][]row)}
	v := m.checkReady()
	s.State = v.state()
	s.Texts["headline"], s.Texts["reason"] = headline(v), ""
	if v.line != "serving" {
		s.Texts["reason"] = v.line
	}
	uptime := time.Since(m.Start)
	s.Texts["uptime"] = uptime.Truncate(time.Second).String()
	s.addFacts(m, &now)
	s.addCharts(newCharts(m.Ledger.recentSteps(recentSteps), time.Now(), uptime))
	s.Tables["targets"] = m.targetRows(v)
	s.Tables["times"] = timeRows(now.Took)
	s.Tables["answers"] = classRows(now.Classes)
	s.Tables["reasons"] = reasonRows(now.Errors)
	s.Tables["clients"] = clientRows(m.protocols())
	return s
}

// hostText returns the name of the target, and how many more there are.
func (m *Monitor) hostText() string {
	if more := len(m.Targets) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more", m.Target, more)
	}
	return m.Target
}

func headline(v verdict) string {
	switch v.state() {
	case stateReady:
		return "Ready"
	case stateBusy:
		return "Busy"
	}
	return "Not ready"
}

// addFacts adds the figures since the start.
func (s *status) addFacts(m *Monitor, now *Figures) {
	s.Texts["requests"] = number(now.Requests())
	s.Texts["active"] = number(now.Active)
	s.Texts["bytes"] = bytesText(now.Bytes)
	s.Texts["failed"] = number(now.Failed)
	if m.Pool != nil {
		s.Texts["waiting"] = number(m.Pool().Waiting)
	}
	if m.Scripts != nil {
		c := m.Scripts()
		s.Texts["scripts"], s.Texts["waiting"], s.Texts["refused"] = number(c.Running), number(c.Waiting), number(c.Refused)
	}
	if m.Workers != nil {
		w := m.Workers()
		s.Texts["processes"] = number(w.Workers)
		if w.Stopping > 0 {
			s.Texts["processes"] += fmt.Sprintf(", %d stopping", w.Stopping)
		}
	}
}

// addCharts adds the pictures, their current values and their scales.
func (s *status) addCharts(c charts) {
	rate := highest(c.rate, c.perSecond)
	s.Texts["rate"], s.Texts["rateTop"] = rateText(c.perSecond), "at most "+rateText(rate)
	s.Paths["rateLine"], s.Paths["rateArea"] = drawLine(c.rate, max(rate, 1)), drawArea(c.rate, max(rate, 1))

	slow := highest(c.slow, 0)
	s.Texts["median"], s.Texts["slow"] = percentileText(&c.minute, .5), percentileText(&c.minute, .99)
	s.Texts["slowTop"] = "no requests"
	if slow > 0 {
		s.Texts["slowTop"] = "up to " + duration(time.Duration(slow*float64(time.Second))) + ", log scale"
	}
	top := highest(logarithms(c.slow), 1)
	s.Paths["medianLine"], s.Paths["slowLine"] = drawLine(logarithms(c.median), top), drawLine(logarithms(c.slow), top)

	s.Texts["failures"], s.Texts["failureShare"] = number(c.all.failures), "no requests"
	if c.all.requests > 0 {
		s.Texts["failureShare"] = shareText(c.all.failures, c.all.requests) + "of " + number(c.all.requests) + " requests"
	}
	s.Paths["failureBars"] = drawBars(c.failures, highest(c.failures, 1))
}

func percentileText(w *window, share float64) string {
	d, ok := w.percentile(share)
	if !ok {
		return "–"
	}
	return duration(d)
}

func rateText(r float64) string {
	if r >= 10 || r == 0 {
		return number(fmt.Sprintf("%.0f", r))
	}
	return strconv.FormatFloat(r, 'f', 1, 64)
}

// shareText returns the beginning of "1.2 % of 345 requests".
func shareText(part, all uint64) string {
	share := 100 * float64(part) / float64(all)
	switch {
	case part == 0:
		return ""
	case share < .1:
		return "under 0.1 % "
	}
	return strconv.FormatFloat(share, 'f', 1, 64) + " % "
}

func bytesText(n uint64) string {
	v := float64(n)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1024 {
			return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + unit
		}
		v /= 1024
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " TiB"
}

// targetRows returns the health of each target. For a single one it is the verdict on all, since
// requests that it has answered make a probe unnecessary.
func (m *Monitor) targetRows(all verdict) (rows []row) {
	targets, counts := m.Targets, m.poolCells()
	switch len(targets) {
	case 0:
		return []row{{State: stateReady, Cells: append([]string{m.Target, protocolOf(m.Target), stateReady, ""}, counts...)}}
	case 1:
		return []row{targets[0].row(all, counts)}
	}
	verdicts := make([]verdict, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() { verdicts[i] = m.Ready.judge(t.Probe()) })
	}
	wg.Wait()
	for i, t := range targets {
		rows = append(rows, t.row(verdicts[i], []string{"–", "–", "–"}))
	}
	return append(rows, row{Cells: append([]string{"all together", "", "", ""}, counts...)})
}

func (t *Target) row(v verdict, counts []string) row {
	return row{State: v.state(), Cells: append([]string{t.Name, protocolOf(t.Name), v.state(), t.reason(v)}, counts...)}
}

// reason returns the reason of a target's state, and the length of the queue at its socket.
func (t *Target) reason(v verdict) string {
	reason := v.line
	if v.cause != "" {
		reason += ": " + v.cause
	}
	if t.Queue == nil {
		return reason
	}
	if q := t.Queue(); q.Known && q.Waiting > 0 {
		reason += fmt.Sprintf("; %d connections wait at its socket", q.Waiting)
	}
	return strings.TrimPrefix(reason, "; ")
}

// poolCells returns the connections in use, the idle ones, and the requests that wait for one. For
// CGI scripts it returns the scripts that run, and the requests that wait for one to end.
func (m *Monitor) poolCells() []string {
	switch {
	case m.Scripts != nil:
		s := m.Scripts()
		return []string{number(s.Running), "–", number(s.Waiting)}
	case m.Pool == nil:
		return []string{"–", "–", "–"}
	}
	p := m.Pool()
	return []string{number(p.Active), number(p.Idle), number(p.Waiting)}
}

// protocolOf returns the protocol of a target by the name that the user wrote.
func protocolOf(name string) string {
	scheme, _, _ := strings.Cut(name, ":")
	scheme, _, _ = strings.Cut(scheme, "+")
	switch scheme {
	case "fastcgi", "spawn":
		return "FastCGI"
	case "scgi":
		return "SCGI"
	case "cgi":
		return "CGI"
	}
	return "in this process"
}

// timeRows returns the histogram of all requests, from the shortest to the longest time.
func timeRows(took [len(Bounds) + 1]uint64) (rows []row) {
	longest := max(slices.Max(took[:]), 1)
	first := slices.IndexFunc(took[:], func(n uint64) bool { return n > 0 })
	if first < 0 {
		return nothing("no requests yet")
	}
	last := len(took) - 1
	for took[last] == 0 {
		last--
	}
	for i, n := range took[first : last+1] {
		name := "longer"
		if first+i < len(Bounds) {
			name = "up to " + duration(Bounds[first+i])
		}
		// rounded up, so that one request in a million shows
		bar := int((100*n + longest - 1) / longest)
		rows = append(rows, row{Cells: []string{name, number(n)}, Bar: &bar})
	}
	return rows
}

func nothing(why string) []row { return []row{{State: "nothing", Cells: []string{why, ""}}} }

func classRows(classes [classes]uint64) (rows []row) {
	names := []string{"no answer", "1xx, information", "2xx, success", "3xx, redirect", "4xx, error of the client", "5xx, error of the server"}
	for class, n := range classes {
		if n > 0 {
			rows = append(rows, row{Cells: []string{names[class], number(n)}})
		}
	}
	if rows == nil {
		return nothing("no requests yet")
	}
	return rows
}

// reasonRows returns the reasons of failures, the most frequent first.
func reasonRows(reasons map[string]uint64) (rows []row) {
	type reason struct {
		name string
		n    uint64
	}
	var list []reason
	for name, n := range reasons {
		list = append(list, reason{name, n})
	}
	slices.SortFunc(list, func(a, b reason) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) })
	for _, r := range list {
		rows = append(rows, row{Cells: []string{r.name, number(r.n)}})
	}
	if rows == nil {
		return nothing("none")
	}
	return rows
}

func clientRows(protocols []protocolStats) (rows []row) {
	for _, p := range protocols {
		rows = append(rows, row{Cells: []string{
			p.Protocol, number(p.Active), number(p.Idle), number(p.Accepted), number(p.Refused), number(p.AcceptErrors), number(p.Panics),
		}})
	}
	if rows == nil {
		return nothing("not listening yet")
	}
	return rows
}

// duration formats a time with two or three digits. More digits would have no meaning.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Round(time.Microsecond).Microseconds())
	case d < 10*time.Millisecond:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds()*1000, 'f', 1, 64), ".0") + " ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// number writes large numbers in groups of three digits.
func number(v any) string {
	s := fmt.Sprint(v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
