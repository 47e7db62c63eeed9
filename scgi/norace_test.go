//go:build !race

package scgi

const raceDetector = false
