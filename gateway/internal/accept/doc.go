// Package accept is what every loop that accepts connections needs: which failures pass, how long
// to wait after one, and how often to log the same trouble. Packages listen and transport have such
// loops.
package accept
