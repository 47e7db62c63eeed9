//go:build !linux

package cgi

import "errors"

func (l Limits) apply(int) error {
	if l != (Limits{}) {
		return errors.New("cgi: this system cannot bound another process")
	}
	return nil
}
