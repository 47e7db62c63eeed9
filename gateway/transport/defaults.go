package transport

import "time"

// What a zero field of a server means, for every server of this module.
const (
	DefaultTimeout        = 60 * time.Second // ReadTimeout, WriteTimeout
	DefaultMaxParamsBytes = 256 << 10        // MaxParamsBytes
	DefaultMaxParams      = 1024             // MaxParams
)
