//go:build !weirprofile

package main

// profile does nothing: see profile_on.go.
func profile() {}
