package webserver

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/testdata/conf"
)

func renderWhole(t *testing.T, name string, d conf.Data) string {
	t.Helper()
	var text strings.Builder
	if err := conf.RenderWhole(&text, name, d); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
