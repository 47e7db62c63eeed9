package tour

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cgikit/cgikit/util"
)

func environ(list ...string) *util.Environ { return util.EnvironFromList(list) }

func TestCompare(t *testing.T) {
	sent := func(value string, before ...string) cell { return cell{Sent: true, Value: value, Before: before} }
	tests := []struct {
		name     string
		environs []*util.Environ
		want     []row
	}{
		{"nothing", []*util.Environ{environ(), environ()}, nil},
		{"the same", []*util.Environ{environ("A=1", "B="), environ("B=", "A=1")}, []row{
			{"A", []cell{sent("1"), sent("1")}, false},
			{"B", []cell{sent(""), sent("")}, false},
		}},
		{"another value", []*util.Environ{environ("A=1"), environ("A=2")}, []row{{"A", []cell{sent("1"), sent("2")}, true}}},
		{"empty is not missing", []*util.Environ{environ("A="), environ()}, []row{{"A", []cell{sent(""), {}}, true}}},
		{"added ones come last", []*util.Environ{environ("B=1"), environ("A=1", "B=1"), environ("C=1", "B=1")}, []row{
			{"B", []cell{sent("1"), sent("1"), sent("1")}, false},
			{"A", []cell{{}, sent("1"), {}}, true},
			{"C", []cell{{}, {}, sent("1")}, true},
		}},
		{"twice", []*util.Environ{environ("A=1", "A=2"), environ("A=2")}, []row{{"A", []cell{sent("2", "1"), sent("2")}, true}}},
		{"no answer", []*util.Environ{environ("A=1"), nil}, []row{{"A", []cell{sent("1"), {}}, true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := compare(tt.environs); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v; want %+v", got, tt.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	got := missing(environ("B=", "D=1"), environ("C=1", "B=2", "A=3", "C=4"))
	if want := []string{"C", "A"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestSameOrder(t *testing.T) {
	a := environ("A=1", "B=1", "C=1")
	for _, tt := range []struct {
		name string
		b    *util.Environ
		want bool
	}{
		{"itself", a, true},
		{"more before, between and after", environ("X=", "A=", "Y=", "B=", "C=", "Z="), true},
		{"fewer", environ("A=", "C="), true},
		{"another order", environ("B=", "A=", "C="), false},
	} {
		if got := sameOrder(a, tt.b); got != tt.want {
			t.Errorf("%s: got %v; want %v", tt.name, got, tt.want)
		}
	}
}
