// Package httptest runs the modules of a configuration on one live worker in
// the test process, behind a unix socket. Tests of modules use it to see what
// a request does without a server process; nothing else imports it. It imports
// package http, so tests of the core that use it are in package http_test.
//
// The worker has a thread of its own, which ends with the test. The test's
// goroutine only talks to it through connections.
package httptest
