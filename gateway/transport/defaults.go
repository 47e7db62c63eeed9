package transport

import "time"

// Meanings of a zero field, for every server of this module.
const (
	DefaultTimeout        = 60 * time.Second // ReadTimeout, WriteTimeout
	DefaultMaxParamsBytes = 256 << 10        // MaxParamsBytes
	DefaultMaxParams      = 1024             // MaxParams
)
