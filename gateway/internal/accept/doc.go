// Package accept has the parts that every accept loop needs: which failures are temporary, how long
// to wait after one, how often to log it, and how to drain the system's queue. Packages listen and
// transport have such loops.
package accept
