// Package poll is the event loop of a worker: one epoll instance, timers, a
// mailbox for other goroutines, deferred tasks and the cached clock.
//
//	Run:  wait ─► clock ─► events ─► mailbox ─► timers ─► deferred tasks ─┐
//	       ▲                                                            │
//	       └────────────────────────────────────────────────────────────┘
//
// A descriptor is registered once, edge-triggered, and its Source is found
// in a table by descriptor number. The event carries the slot's generation,
// so that an event of a descriptor that was closed and reused within the same
// batch is dropped.
//
// Nothing here allocates in the steady state, and nothing here knows what
// the descriptors are: netio/conn makes connections of them. Only netio
// calls Add and Del; what is above uses timers, Defer, Post and the clock.
//
// Threads: the goroutine in Run owns the Loop, and every method is for it
// alone, except Post, Stop and Stats. Before Run the creator is the owner.
//
// A panic in a handler ends that handler only: Config.OnPanic is told what
// was running, and the turn goes on with the next event.
package poll
