// Package worker runs one event loop on one thread: it pins the goroutine,
// binds the thread to its CPUs, keeps the listeners of the configuration in
// force registered, and ends gracefully.
//
//	server --Apply/Quit/Stop/Status--> Mailbox --> loop's thread --> Service
//
// A Worker owns its poll.Loop and the registration of listening descriptors;
// the descriptors are the server's, connections are the Service's. It knows no
// HTTP: a Service is what serves connections.
//
// Threads: the methods of Worker may be called from any goroutine; everything
// else happens on the worker's thread.
package worker
