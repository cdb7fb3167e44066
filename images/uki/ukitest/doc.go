// Package ukitest makes boot stubs for tests; they boot nothing.
package ukitest
