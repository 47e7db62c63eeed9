package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/listen"
)

const targetHint = "demo: is the demo application, files:DIR the files of a folder"

// target is what requests are answered with. It must be closed.
type target struct {
	app   gateway.App
	close func() error
}

// openTarget opens the target called name, or tells what there is.
func openTarget(name string) (*target, error) {
	a, err := listen.Parse(name)
	switch {
	case isFolder(name):
		return nil, usage(fmt.Errorf("target %.100q has no scheme", name), fmt.Sprintf("write files:%.100s to serve that folder", name))
	case err != nil:
		return nil, usage(fmt.Errorf("target %.100q is not known", name), targetHint)
	case a.Protocol == "demo":
		return &target{demo.App(), func() error { return nil }}, nil
	case a.Protocol == "files":
		return openFolder(a.Path)
	}
	return nil, usage(fmt.Errorf("target %.100q is of a kind that this command cannot serve", name), targetHint)
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func openFolder(dir string) (*target, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		hint := "the folder must be there, and be readable, before it can be served"
		if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
			hint, err = "give the folder that the file is in", fmt.Errorf("open %s: %w", dir, errors.New("is a file, not a folder"))
		}
		return nil, failure(err, hint)
	}
	return &target{httpapp.New(serveFolder(root)), root.Close}, nil
}
