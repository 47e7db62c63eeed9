// Package dist has only tests: of how the command reaches its users, by go install, by the archives
// and packages of a release, and by the files that make them.
package dist
