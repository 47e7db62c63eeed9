package webserver

import "testing"

func TestRunsInGroup(t *testing.T) {
	for _, test := range []struct {
		stat string
		want bool
	}{
		{"12 (nginx) S 10 11 11 0 -1", true},
		{"12 (nginx) Z 10 11 11 0 -1", false},
		{"12 (nginx) S 11 10 11 0 -1", false},
		{"12 (a) Z 1 11) S 10 11 11 0 -1", true},
		{"12 (nginx", false},
		{"", false},
	} {
		if got := runsInGroup([]byte(test.stat), 11); got != test.want {
			t.Errorf("%q: got %t; want %t", test.stat, got, test.want)
		}
	}
}
