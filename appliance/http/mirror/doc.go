// Package mirror sends copies of requests to other locations, whose answers
// are thrown away.
package mirror
