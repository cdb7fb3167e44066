// Package certfile reads the certificates, keys, revocation lists and password
// files that directives of the HTTP modules name: ssl_certificate and its like,
// proxy_ssl_certificate and its like.
//
// A name without variables is read when the configuration is: by the master,
// which may be root, and handed to the server with the configuration. A name
// with variables is worked out in each handshake and read by the server
// process with its own rights; what was read is kept in a Cache where the
// configuration asks for one. A name that begins with "data:" is the PEM text
// itself.
//
// A Store belongs to one configuration being read. A Dynamic is used on the
// workers; its Cache takes a lock, once per handshake. Errors are whole
// sentences for the log that name the file.
package certfile
