//go:build man

package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// addMan adds the verb that writes the manual pages, in a program that is built with -tags man:
//
//	go run -tags man ./cmd/cgikit man DIR
//
// The pages have the date of the day, or that of SOURCE_DATE_EPOCH.
// The command itself does not link what makes them, a quarter of a megabyte.
func addMan(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages of all verbs into a folder",
		Hidden: true,
		Args:   takes(1, "a folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			prepareMan(root)
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "cgikit", Manual: "cgikit"}, args[0])
		},
	})
}

// prepareMan makes the help of each verb Markdown, which the pages are made from: its indented
// lines are tables, whose lines must stay as they are.
func prepareMan(c *cobra.Command) {
	c.DisableAutoGenTag = true
	var b strings.Builder
	table := false
	for line := range strings.Lines(c.Long) {
		if indented := strings.HasPrefix(line, "  "); indented != table {
			table = indented
			b.WriteByte('\n')
		}
		if table {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	c.Long = b.String()
	for _, verb := range c.Commands() {
		prepareMan(verb)
	}
}
