package accept

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Notice
		for i, step := range []struct {
			after time.Duration
			want  bool
		}{{0, true}, {0, false}, {time.Minute, false}, {time.Minute, false}, {time.Minute + 1, true}, {time.Second, false}} {
			time.Sleep(step.after)
			if got := n.IsNews(); got != step.want {
				t.Errorf("step %d: %v; want %v", i, got, step.want)
			}
		}
	})
}
