package server

import (
	"testing"
	"time"
)

func TestALateAnswerIsNotTakenForTheNext(t *testing.T) {
	r := make(runners, 1)
	never := make(chan time.Time)
	r.put(&Message{Op: Runner, ID: 1, Text: "first"}, nil)
	go r.put(&Message{Op: Runner, ID: 2, Text: "second"}, nil)
	if _, err := r.take(2, never); err == nil || err.Error() != "second" {
		t.Errorf("got %v, want the second answer", err)
	}
	late := make(chan time.Time)
	close(late)
	if _, err := r.take(3, late); err == nil || err.Error() != "the master starts no process for commands" {
		t.Errorf("got %v from no answer", err)
	}
}
