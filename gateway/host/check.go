package host

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// computed has the variables that identify the request. Configuration must not set them
// (CVE-2025-65082), since the application would act on other values than the client's.
var computed = []string{
	"CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_URI", "GATEWAY_INTERFACE", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_PROXY",
	"HTTP_TRANSFER_ENCODING", "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "REDIRECT_STATUS", "REMOTE_ADDR", "REMOTE_HOST",
	"REMOTE_PORT", "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "SERVER_ADDR", "SERVER_PROTOCOL",
}

// FieldError is a field of a Handler with an invalid value.
type FieldError struct {
	Field string // its name
	Err   error  // what is wrong with the value
}

// Error names the field.
func (e *FieldError) Error() string { return "host: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the value.
func (e *FieldError) Unwrap() error { return e.Err }

func fieldError(field, format string, args ...any) error {
	return &FieldError{field, fmt.Errorf(format, args...)}
}

// Check returns a [*FieldError] if a field, or a folder that it names, is invalid, so that a
// program can report it before it listens. A Handler with invalid fields answers every request with
// a 500.
func (h *Handler) Check() error {
	if err := h.checkFields(); err != nil {
		return err
	}
	if h.Root != "" {
		if err := checkFolder("Root", h.Root); err != nil {
			return err
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(h.Offload)) {
		if err := checkFolder("Offload", h.Offload[prefix]); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) checkFields() error {
	if h.Backend == nil {
		return fieldError("Backend", "is nil")
	}
	if err := h.checkScripts(); err != nil {
		return err
	}
	if _, err := parsePatterns("Deny", h.Deny); err != nil {
		return err
	}
	for _, entry := range h.Env {
		if err := h.checkVariable(entry); err != nil {
			return err
		}
	}
	for prefix, dir := range h.Offload {
		if !strings.HasPrefix(prefix, "/") || !filepath.IsAbs(dir) {
			return fieldError("Offload", "%.64q and %.64q are not both absolute paths", prefix, dir)
		}
	}
	return nil
}

func (h *Handler) checkScripts() error {
	switch {
	case h.Root == "" && len(h.SplitPath) > 0:
		return fieldError("SplitPath", "needs Root")
	case len(h.SplitPath) == 0 && h.Fallback != "":
		return fieldError("Fallback", "needs SplitPath")
	case len(h.Index) > 0 && len(h.SplitPath) == 0 && h.Next == nil:
		return fieldError("Index", "needs SplitPath or Next")
	case h.Next != nil && h.Root == "":
		return fieldError("Next", "needs Root")
	case h.ResolveRoot && (h.Root == "" || h.BackendRoot != ""):
		return fieldError("ResolveRoot", "needs Root, and no BackendRoot")
	case h.Root != "" && !filepath.IsAbs(h.Root):
		return fieldError("Root", "%.64q is not an absolute path", h.Root)
	}
	for _, extension := range h.SplitPath {
		if !isExtension(extension) {
			return fieldError("SplitPath", "%.64q is not a dot followed by ASCII letters, digits and signs", extension)
		}
	}
	for _, name := range h.Index {
		if name == "" || name != path.Base(name) || name == "." || name == ".." {
			return fieldError("Index", "%.64q is not the name of a file", name)
		}
	}
	s := Scripts{SplitPath: h.SplitPath}
	switch f := h.Fallback; {
	case f == "":
	case f[0] != '/' || f != path.Clean(f):
		return fieldError("Fallback", "%.64q is not a path that begins with a slash", f)
	case h.Next == nil && !s.isScript(f):
		return fieldError("Fallback", "%.64q ends in no extension of SplitPath, and there is no Next that could send it", f)
	}
	return nil
}

// isExtension accepts printable ASCII only. Other bytes have no upper and lower case here, and
// never match (CVE-2026-45135).
func isExtension(s string) bool {
	if len(s) < 2 || s[0] != '.' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' || r == '\\' })
}

func checkFolder(field, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return &FieldError{field, err}
	case !info.IsDir():
		return fieldError(field, "%.64q is not a folder", dir)
	}
	return nil
}

// checkVariable accepts "NAME=value". SCRIPT_FILENAME can be set without SplitPath, for an
// application that is a single script in a container.
func (h *Handler) checkVariable(entry string) error {
	name, value, ok := strings.Cut(entry, "=")
	switch {
	case !ok || name == "":
		return fieldError("Env", "%.64q is not NAME=value", entry)
	case strings.ContainsRune(name, 0) || strings.ContainsRune(value, 0):
		return fieldError("Env", "%.64q contains a NUL", entry)
	case slices.Contains(computed, name), name == "SCRIPT_FILENAME" && len(h.SplitPath) > 0:
		return fieldError("Env", "%s describes the request and cannot be set", name)
	}
	return nil
}
