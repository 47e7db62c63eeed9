//go:build !linux

package peer

import (
	"errors"
	"time"
)

// The figures of a process come from Linux's /proc: elsewhere these methods fail.

// CPU fails.
func (p *Process) CPU() (time.Duration, error) { return 0, errors.ErrUnsupported }

// ResetPeak fails.
func (p *Process) ResetPeak() error { return errors.ErrUnsupported }

// Peak fails.
func (p *Process) Peak() (int64, error) { return 0, errors.ErrUnsupported }

// Resident fails.
func (p *Process) Resident() (int64, error) { return 0, errors.ErrUnsupported }
