package request

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// knownAnswer is the hint for an answer that many people have asked about, "" for any other.
func (r *Request) knownAnswer(ctx context.Context, a *answer, m *message) string {
	if r.Target.Protocol == "http" {
		return ""
	}
	switch {
	case target.IsScriptNotFound(a.body):
		return hintNotFound(m)
	case target.IsExtensionDenied(a.body):
		return hintDenied(m)
	case bytes.HasPrefix(a.body, []byte("403 Forbidden")):
		return hintScriptName(m)
	case r.isRefusedByHTTP(ctx, a):
		return r.Target.SpokenHint("http")
	}
	if a.status == "" && a.fields.Get("Content-Type") == "" && a.fields.Get("Location") == "" {
		return "the head has none of Content-Type, Location and Status: some web servers answer 500 then (RFC 3875 section 6.3)"
	}
	return ""
}

// hintNotFound explains a script that PHP did not find.
func hintNotFound(m *message) string {
	file := m.environ.get("SCRIPT_FILENAME")
	hint := fmt.Sprintf("PHP did not find SCRIPT_FILENAME %s: it must exist as PHP sees it (container, chroot, PrivateTmp) and be readable by its user", cmp.Or(file, "(not sent)"))
	switch {
	case m.request.PHP != "":
		return hint + "; --temp-dir names a folder that both see"
	case m.location.script == "":
		return hint + fmt.Sprintf("; a page of php-fpm's own is asked for with --script-name %.100s", m.location.path)
	case m.request.Root == "" && m.request.ScriptFilename == "":
		return hint + "; --root names the document root"
	}
	return hint
}

// hintDenied explains php-fpm's refusal to run a file.
func hintDenied(m *message) string {
	return fmt.Sprintf("php-fpm runs only files whose names end as security.limit_extensions says, .php by default, and SCRIPT_FILENAME is %s", cmp.Or(m.environ.get("SCRIPT_FILENAME"), "not sent"))
}

// hintScriptName explains how fcgiwrap refuses.
func hintScriptName(m *message) string {
	return fmt.Sprintf("fcgiwrap answers so where SCRIPT_FILENAME, %s, does not exist or is not executable; --root and --script-filename name another", cmp.Or(m.environ.get("SCRIPT_FILENAME"), "which is not sent"))
}
