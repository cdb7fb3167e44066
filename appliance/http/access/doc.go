// Package access holds allow and deny: access by client address.
package access
