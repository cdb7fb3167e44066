// Package authrequest lets a subrequest decide about access: 2xx lets the
// request in, 401 and 403 keep it out.
package authrequest
