package target

import "bytes"

// IsScriptNotFound reports whether a body begins with the text that php-fpm and php-cgi send if the
// file of SCRIPT_FILENAME does not exist.
func IsScriptNotFound(body []byte) bool {
	return bytes.HasPrefix(body, []byte("File not found.")) || bytes.HasPrefix(body, []byte("No input file specified."))
}

// IsExtensionDenied reports whether a body begins with the text that php-fpm sends if the name of
// the script ends in none of security.limit_extensions.
func IsExtensionDenied(body []byte) bool { return bytes.HasPrefix(body, []byte("Access denied.")) }
