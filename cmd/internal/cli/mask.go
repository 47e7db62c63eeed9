package cli

import "strings"

// Masked stands for a secret that is not shown.
const Masked = "***"

// secrets are the names of header fields that identify a user. Meta-variables have the same names
// with HTTP_ before them and underscores; PHP_AUTH_PW and AUTH_PASSWORD are PHP's own.
var secrets = []string{
	"AUTHORIZATION", "PROXY_AUTHORIZATION", "COOKIE", "SET_COOKIE",
	"REDIRECT_HTTP_AUTHORIZATION", "PHP_AUTH_PW", "PHP_AUTH_DIGEST", "X_API_KEY", "X_AUTH_TOKEN",
}

// IsSecret reports whether a header field or a meta-variable of that name may hold a password, a
// token or a session: Authorization, HTTP_COOKIE, PHP_AUTH_PW. The case does not matter.
func IsSecret(name string) bool {
	name = strings.TrimPrefix(strings.ReplaceAll(strings.ToUpper(name), "-", "_"), "HTTP_")
	for _, secret := range secrets {
		if name == secret {
			return true
		}
	}
	return false
}

// Mask returns value, or Masked where the name says that it is a secret. An empty value stays
// empty.
func Mask(name, value string) string {
	if value != "" && IsSecret(name) {
		return Masked
	}
	return value
}
