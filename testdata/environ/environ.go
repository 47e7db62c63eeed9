// Package environ holds the environs that real web servers have sent: the files of this folder,
// which gateway/internal/captures describes and writes.
//
// The package is in testdata because only a package beside the files can embed them.
package environ

import "embed"

// Files are the captures, SERVER-PROTOCOL[-VARIANT].txt.
//
//go:embed *-cgi.txt *-cgi-mounted.txt *-fastcgi*.txt *-scgi*.txt
var Files embed.FS
