// Package account finds the user and the groups as which a program is to run, and checks what that
// user may do with a file.
package account
