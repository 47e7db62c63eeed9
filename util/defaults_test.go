package util_test

import (
	"testing"

	"github.com/cgikit/cgikit/util"
)

func TestSetupTestingDefaults(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want []string
	}{
		{"all of them", nil,
			[]string{"SERVER_NAME", "127.0.0.1", "SERVER_PROTOCOL", "HTTP/1.0", "HTTP_HOST", "127.0.0.1", "REQUEST_METHOD", "GET",
				"SCRIPT_NAME", "", "PATH_INFO", "/", "SERVER_PORT", "80"}},
		{"none overwritten, even if empty or odd (A12)",
			[]string{"SERVER_PORT", "", "PATH_INFO", "", "SCRIPT_NAME", "", "REQUEST_METHOD", "", "HTTP_HOST", "", "SERVER_PROTOCOL", "INCLUDED", "SERVER_NAME", ""},
			[]string{"SERVER_PORT", "", "PATH_INFO", "", "SCRIPT_NAME", "", "REQUEST_METHOD", "", "HTTP_HOST", "", "SERVER_PROTOCOL", "INCLUDED", "SERVER_NAME", ""}},
		{"HTTP_HOST follows SERVER_NAME", []string{"SERVER_NAME", "n"},
			[]string{"SERVER_NAME", "n", "SERVER_PROTOCOL", "HTTP/1.0", "HTTP_HOST", "n", "REQUEST_METHOD", "GET",
				"SCRIPT_NAME", "", "PATH_INFO", "/", "SERVER_PORT", "80"}},
		{"SERVER_NAME does not follow HTTP_HOST", []string{"HTTP_HOST", "h"},
			[]string{"HTTP_HOST", "h", "SERVER_NAME", "127.0.0.1", "SERVER_PROTOCOL", "HTTP/1.0", "REQUEST_METHOD", "GET",
				"SCRIPT_NAME", "", "PATH_INFO", "/", "SERVER_PORT", "80"}},
		{"no PATH_INFO beside a SCRIPT_NAME", []string{"SCRIPT_NAME", "/s"},
			[]string{"SCRIPT_NAME", "/s", "SERVER_NAME", "127.0.0.1", "SERVER_PROTOCOL", "HTTP/1.0", "HTTP_HOST", "127.0.0.1",
				"REQUEST_METHOD", "GET", "SERVER_PORT", "80"}},
		{"no SCRIPT_NAME beside a PATH_INFO", []string{"PATH_INFO", "/p"},
			[]string{"PATH_INFO", "/p", "SERVER_NAME", "127.0.0.1", "SERVER_PROTOCOL", "HTTP/1.0", "HTTP_HOST", "127.0.0.1",
				"REQUEST_METHOD", "GET", "SERVER_PORT", "80"}},
		{"the port follows the scheme", []string{"HTTPS", "on"},
			[]string{"HTTPS", "on", "SERVER_NAME", "127.0.0.1", "SERVER_PROTOCOL", "HTTP/1.0", "HTTP_HOST", "127.0.0.1", "REQUEST_METHOD", "GET",
				"SCRIPT_NAME", "", "PATH_INFO", "/", "SERVER_PORT", "443"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := environ(test.env...)
			util.SetupTestingDefaults(e)
			wantPairs(t, e, pairs(environ(test.want...))...)
			util.SetupTestingDefaults(e)
			wantPairs(t, e, pairs(environ(test.want...))...)
		})
	}
}
