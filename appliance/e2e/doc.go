// Package e2e runs the server as a black box: each file testdata/**/*.txtar is
// a configuration, what clients send, what they must get, what backends must
// see and what the error log must say. The server is the program itself,
// started with nginx's command line, so that a case can be held against nginx
// too:
//
//	go test ./appliance/e2e                                     # weir, built first
//	WEIR_BINARY=/usr/sbin/nginx go test ./appliance/e2e -run 'TestCases/proxy'
//
// Every file is run twice on one server, which finds state left behind by the
// first run. Files run side by side, each with a server, a folder and ports of
// its own. The package knows the server by its command line and its sockets
// only; nothing imports it.
//
// # The format
//
// A file is a txtar archive: the text before the first section says what the
// case shows, then come sections, "-- KIND OPTIONS --". A kind may carry a
// suffix for the reader, as in "request.2" or "response.after-redirect"; it
// means nothing. What is sent and expected happens in the order of the
// sections.
//
// Setting up:
//
//	conf             the body of the http block; the rest of nginx.conf is added
//	main             lines for the main context beside it
//	nginx.conf       the whole file instead of conf
//	file PATH        a file below the server's prefix; size=N: N bytes of a
//	                 fixed pattern; mode=0600
//	cert NAME        makes NAME.crt and NAME.key below the prefix, for the host
//	                 names in the section; self-signed and for P-256. Options:
//	                 by=NAME    issued by that one, whose chain stands behind it
//	                 ca         it may issue others
//	                 cn=TEXT    common name, else NAME
//	                 key=       rsa, ec or ed25519
//	                 password=  the key is encrypted with it (EC only)
//	                 expired    it ended a minute ago
//	crl NAME         makes NAME.crl, by which the certificate NAME revokes those
//	                 named in the section
//	ech NAME         makes NAME.ech, a key by which clients encrypt their hellos,
//	                 for the public name in the section
//	backend [NAME]   an answer of the backend NAME, see below
//	needs            words that say where the case can run: root, ipv6, weir
//	                 (not nginx), nginx>=1.25 (that version or weir)
//
// Acting and checking, in order:
//
//	request          opens a connection and sends these bytes. Options:
//	                 same       on the connection that is open
//	                 to=ADDR    another address than 127.0.0.1:%PORT%; unix:PATH
//	                 raw        see below
//	                 split      every byte in a segment of its own
//	                 slow=N     in segments of N bytes
//	                 end        then shut down the sending side
//	                 proxied=IP behind a PROXY protocol header from that address
//	                 tls[=NAME] over TLS, asking for that server name; no
//	                            certificate of the server is refused
//	                 cert=NAME  the client's certificate, see cert
//	                 version=   1.2 or 1.3, and no other
//	                 alpn=      protocols offered, separated by commas
//	                 rsa        no other certificates than RSA's will do
//	                 resume     with the session of the TLS connection before
//	refused          makes a TLS connection, which fails with this error;
//	                 options to, tls, cert, version, alpn, rsa as of request
//	certificate      the common name of the server's certificate
//	response         reads one response and compares it. Options:
//	                 rest       the body runs to the end of the connection,
//	                            whatever the header says, and is taken as it is
//	bytes            reads exactly these bytes; option raw
//	closed           the server closes the connection; nothing is left to read;
//	                 option reset: it resets the connection
//	backend_got [NAME]    the next request that backend NAME got
//	backend_stats [NAME]  "requests N" and "connections N" of this run
//	log PATH         the lines this run has added to the file, in order
//	error_log        each line, a regular expression, is in the error log.
//	                 Options:
//	                 maybe      it may be there or not: what depends on which
//	                            of two events comes first
//	no_error_log     each line, a regular expression, is nowhere in it
//
// In the error log, a line of level error, crit, alert or emerg that no
// error_log pattern matches fails the case; where there is no error_log
// section, any such line does.
//
// Instead of requests a case can hold the configuration itself:
//
//	conf_error       -t fails and says each of these lines
//	conf_warn        -t succeeds and says each of these lines
//
// Bytes that are sent (request, backend) are written as lines; each newline is
// sent as CR LF, except a last one that ends a line with text on it: a body
// ends without a newline, a header with its empty line. With the option raw
// newlines are dropped and \r \n \t \\ \0 \xHH stand for bytes. The header
// value "Content-Length: auto" is filled in.
//
// Messages that are expected (response, backend_got) are written as
//
//	HTTP/1.1 200 OK            the first line; of a response also just "200"
//	Content-Type: text/plain   this header with this value; where it is given
//	                           several times, these values in this order
//	ETag: ~^"[0-9a-f-]+"$      a value that the regular expression matches
//	!Location                  no such header
//
//	body                       after an empty line: exactly this body, chunks
//	                           put together; no empty line: any body
//
// A body of one line may also be ~REGEXP, "@size N" (N bytes of the pattern
// that file and backend have with size=N) or "@file PATH". The last newline of
// the section is not part of the body.
//
// A name is no word that is an option of its section.
//
// A backend answers the requests of one run with its sections in order, the
// last one again and again. Options: raw, close (then close the connection;
// done by itself after an answer of HTTP/1.0 or with "Connection: close" or
// without a length), drop (close without an answer), hang (answer nothing),
// early (answer as soon as the header is there), delay=DURATION, size=N (a
// body of N bytes of the pattern), unix (listen on a unix socket), proxy
// (expect PROXY protocol before the first request; its line is the header
// Proxy-Protocol of backend_got). After an answer with status 101 it sends back
// whatever comes.
//
// Placeholders stand in every section: %PORT% and %PORT_x% are ports free for
// the server on 127.0.0.1, %DIR% is its prefix, %BACKEND% and %BACKEND_x% are
// the addresses of the backends "" and x.
package e2e
