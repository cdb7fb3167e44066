// Package certstest makes certificates for the tests of other packages, in the
// forms in which servers, clients, directives and scripts take them. Nothing
// that ships imports it.
package certstest
