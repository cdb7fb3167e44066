package server

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"weir/appliance/cycle"
)

func body(t *testing.T, a cycle.FilterAnswer) []byte {
	t.Helper()
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAnswersOfTheFilterReachWhoAsked(t *testing.T) {
	f := newFilterLink(time.Hour)
	got := map[int]int{} // what each was answered
	for i := range 3 {
		if err := f.Ask(cycle.FilterQuestion{Op: cycle.FilterCounts}, func(a *cycle.FilterAnswer) { got[i] = a.Changed }); err != nil {
			t.Fatal(err)
		}
	}
	var ids []int64
	for range 3 {
		var q cycle.FilterQuestion
		if err := json.Unmarshal([]byte(<-f.questions), &q); err != nil || q.Op != cycle.FilterCounts {
			t.Fatalf("%+v, %v", q, err)
		}
		ids = append(ids, q.ID)
	}
	f.answered(body(t, cycle.FilterAnswer{ID: ids[2], Changed: 30}))
	f.answered(body(t, cycle.FilterAnswer{ID: ids[0], Changed: 10}))
	f.answered(body(t, cycle.FilterAnswer{ID: ids[0], Changed: 11})) // again
	f.answered(body(t, cycle.FilterAnswer{ID: 77}))                  // nobody's
	f.answered([]byte("{"))
	if len(got) != 2 || got[0] != 10 || got[2] != 30 {
		t.Errorf("got %v, want 10 for the first and 30 for the third", got)
	}
}

func TestWhatIsOnItsWayToTheFilterIsBounded(t *testing.T) {
	f := newFilterLink(time.Hour)
	if err := f.Ask(cycle.FilterQuestion{Networks: make([]netip.Prefix, maxNetworks+1)}, nil); !errors.Is(err, errManyNetworks) {
		t.Errorf("got %v, want %v", err, errManyNetworks)
	}
	for i := range maxQuestions {
		if err := f.Ask(cycle.FilterQuestion{}, nil); err != nil {
			t.Fatalf("question %d: %v", i, err)
		}
	}
	never := func(*cycle.FilterAnswer) { t.Error("it was answered") }
	for range 2 * maxQuestions { // one that was not sent leaves nobody waiting
		if err := f.Ask(cycle.FilterQuestion{}, never); !errors.Is(err, errManyQuestions) {
			t.Fatalf("got %v, want %v", err, errManyQuestions)
		}
	}
	if len(f.waiting) != 0 {
		t.Errorf("%d wait", len(f.waiting))
	}
	for range maxQuestions {
		<-f.questions
		if err := f.Ask(cycle.FilterQuestion{}, never); err != nil {
			t.Fatal(err)
		}
	}
	<-f.questions
	if err := f.Ask(cycle.FilterQuestion{}, never); !errors.Is(err, errManyQuestions) {
		t.Errorf("with %d waiting: got %v, want %v", len(f.waiting), err, errManyQuestions)
	}
}

func TestAMasterThatDoesNotAnswerIsNotWaitedForForever(t *testing.T) {
	f := newFilterLink(time.Millisecond)
	answers := make(chan *cycle.FilterAnswer, 1)
	if err := f.Ask(cycle.FilterQuestion{}, func(a *cycle.FilterAnswer) { answers <- a }); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.Error == "" {
		t.Errorf("got %+v, want an error", a)
	}
}
