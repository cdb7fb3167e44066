package http

// Handover is Shutdown for a worker whose listeners another one has taken over,
// as in a binary upgrade. No connection is kept after its next response, which
// says so, but idle ones stay open until their timeout: a client that is just
// sending its next request must not find the connection closed.
func (w *Worker) Handover() {
	w.exiting = true
	w.tellExiting()
}

// tellExiting tells the modules that the worker begins to end.
func (w *Worker) tellExiting() {
	if w.gen == nil {
		return
	}
	for _, m := range w.gen.modules {
		if m.Exiting != nil {
			m.Exiting(w)
		}
	}
}

// End tells the modules that the worker has served its last request. Nothing
// is called on w after it.
func (w *Worker) End() {
	if w.gen == nil {
		return
	}
	for _, m := range w.gen.modules {
		if m.ExitWorker != nil {
			m.ExitWorker(w)
		}
	}
}
