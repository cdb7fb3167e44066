//go:build race

package errlog

// raceEnabled: the race detector's build lets buffers escape.
const raceEnabled = true
