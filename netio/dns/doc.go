// Package dns is the asynchronous resolver behind the `resolver` directive:
// addresses of a host name, targets of a service and names of an address,
// asked from the name servers of one configuration and kept while their time
// to live runs.
//
// It owns its sockets, its cache and the goroutines that wait on name servers.
// It is off the event loop: those goroutines are ordinary ones with package
// net's sockets, at most Config.MaxInFlight lookups at a time. It must not know
// requests, workers or configuration; a worker asks with Lookup and gets its
// Result by a function that posts to the worker's mailbox.
//
//	Cached --hit--> Result                     on the worker, no allocation
//	Lookup -> waiter -> flight (one per question asked at a time)
//	             flight -> A and AAAA side by side -> aliases -> cache -> deliver
//	                        ask: the servers in turn, UDP, TCP when truncated
//
// Queries carry random ids and leave from fresh sockets, so from random ports;
// an answer counts only with that id, from that server, for that question, and
// does so however late while the question is open. Messages are parsed by golang.org/x/net/dns/dnsmessage.
//
// Where names fail the resolver answers as nginx does, error codes and texts
// included: an error for one address family is an error for the name, an alias
// is followed only when neither family has an address, failures of servers are
// not cached. It departs in not following names of more than 255 bytes, which
// RFC 1035 rules out, in trying again after one second rather than five, in
// keeping a name's absence for as long as the zone says (RFC 2308), and, where
// Config asks for it, in serving old answers while the servers fail (RFC 8767).
//
// Every method may be called from any goroutine.
package dns
