//go:build race

package scgi

// raceDetector: it makes sync.Pool forget at random, so that allocations cannot be counted.
const raceDetector = true
