package fastcgi

import "github.com/cgikit/cgikit/fastcgi/wire"

// Role is what the web server asks an application to be (FastCGI section 6).
type Role = wire.Role

// The roles of FastCGI 1.0.
const (
	RoleResponder  = wire.RoleResponder
	RoleAuthorizer = wire.RoleAuthorizer
	RoleFilter     = wire.RoleFilter
)
