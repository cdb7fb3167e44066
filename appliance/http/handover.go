package http

// Handover is Shutdown for a worker whose listeners another one has taken over,
// as in a binary upgrade. No connection is kept after its next response, which
// says so, but idle ones stay open until their timeout: a client that is just
// sending its next request must not find the connection closed.
func (w *Worker) Handover() { w.exiting = true }
