package ping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Pool is php-fpm's status page.
type Pool struct {
	Name    string           // such as "www"
	Manager string           // static, dynamic or ondemand
	Numbers map[string]int64 // by the names of the page, with dashes: "active-processes"
}

// parsePool reads the status page as php-fpm writes it for the query "json".
func parsePool(page []byte) (*Pool, error) {
	var fields map[string]any
	if err := json.Unmarshal(page, &fields); err != nil {
		return nil, errors.New("no JSON")
	}
	p := &Pool{Numbers: make(map[string]int64)}
	for name, value := range fields {
		if n, ok := value.(float64); ok {
			p.Numbers[strings.ReplaceAll(name, " ", "-")] = int64(n)
		}
	}
	p.Name, _ = fields["pool"].(string)
	p.Manager, _ = fields["process manager"].(string)
	if _, ok := p.Numbers["active-processes"]; !ok || p.Name == "" {
		return nil, errors.New("it names no pool and no active processes")
	}
	return p, nil
}

// saturation is how many of the processes work, in percent. With pm = dynamic or ondemand it counts
// those that run now, since the page does not tell pm.max_children. The process that writes the
// page is one that works.
func (p *Pool) saturation() float64 {
	total := p.Numbers["total-processes"]
	if total <= 0 {
		return 0
	}
	return 100 * float64(p.Numbers["active-processes"]) / float64(total)
}

// String is such as "3 of 20 busy".
func (p *Pool) String() string {
	return fmt.Sprintf("%d of %d busy", p.Numbers["active-processes"], p.Numbers["total-processes"])
}
