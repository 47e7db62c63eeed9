package transport

import (
	"fmt"
	"testing"
)

func TestRequests(t *testing.T) {
	var r Requests
	for i, step := range []struct {
		most          int
		entered, news bool
		now           int
	}{{2, true, false, 1}, {2, true, false, 2}, {2, false, true, 2}, {2, false, false, 2}, {3, true, false, 3}, {0, true, false, 4}, {-1, true, false, 5}} {
		entered, news := r.Enter(step.most)
		if entered != step.entered || news != step.news || r.Now() != step.now {
			t.Errorf("step %d: got %v, %v, %d; want %v, %v, %d", i, entered, news, r.Now(), step.entered, step.news, step.now)
		}
	}
	r.Leave()
	if entered, _ := r.Enter(5); !entered || r.Now() != 5 {
		t.Errorf("after Leave: got %v, %d", entered, r.Now())
	}
}

func ExampleRequests() {
	var r Requests
	for range 3 {
		entered, news := r.Enter(1)
		fmt.Println(entered, news)
	}
	// Output:
	// true false
	// false true
	// false false
}
