package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// offloadFolders is the value of --offload: by prefix, the folders of the files that a target may
// name in place of a body.
type offloadFolders map[string]string

// Set implements pflag.Value. The flag may be given several times.
func (o *offloadFolders) Set(s string) error {
	prefix, dir, ok := strings.Cut(s, "=")
	if !ok || !strings.HasPrefix(prefix, "/") || dir == "" {
		return fmt.Errorf("%.100q is not a path and a folder, such as /protected=/srv/files", s)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if *o == nil {
		*o = make(offloadFolders)
	}
	if _, ok := (*o)[prefix]; ok {
		return fmt.Errorf("%.100q is given twice", prefix)
	}
	(*o)[prefix] = dir
	return nil
}

// mayRepeat marks a flag of which the environment has a list.
func (*offloadFolders) mayRepeat() {}

// String implements pflag.Value.
func (o *offloadFolders) String() string {
	var all []string
	for _, prefix := range slices.Sorted(maps.Keys(*o)) {
		all = append(all, prefix+"="+(*o)[prefix])
	}
	return strings.Join(all, " ")
}

// Type implements pflag.Value.
func (*offloadFolders) Type() string { return "path=folder" }
