//go:build !man

package main

import "github.com/spf13/cobra"

// addMan adds nothing: the manual pages are made by a program that is built with -tags man.
func addMan(*cobra.Command) {}
