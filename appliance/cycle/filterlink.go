package cycle

import (
	"net/netip"
	"time"
)

// FilterLink is how modules of the server change the packet filter's lists and
// see what it counts. The filter is the master's, which answers when it comes
// to it: a reload may keep it for a while.
type FilterLink interface {
	// Ask sends a question, from any goroutine and without waiting. answer,
	// which may be nil, is called once, from another goroutine, at the latest
	// after FilterPatience. The error says why nothing was sent: answer is not
	// called then.
	Ask(q FilterQuestion, answer func(*FilterAnswer)) error
}

// FilterPatience is how long an answer is waited for.
const FilterPatience = 5 * time.Second

// FilterOp is what a FilterQuestion is about.
type FilterOp string

// The questions.
const (
	FilterAdd    FilterOp = "add"    // put Networks into the list
	FilterRemove FilterOp = "remove" // take those off it that modules have put there
	FilterShow   FilterOp = "show"   // show what modules have put there
	FilterCounts FilterOp = "counts" // show what was counted
)

// FilterQuestion is a wish of a module. What the operator allows or blocks, by
// files or by the status socket, is not its to change.
type FilterQuestion struct {
	ID       int64 // set by the link; 0: nobody waits for the answer
	Op       FilterOp
	Allow    bool           // it is about the allow list, not the block list
	Networks []netip.Prefix // of FilterAdd and FilterRemove: not everything; 256 at most
	For      time.Duration  // of FilterAdd: how long they stay; 0: until removed or the master ends
	Most     int            // of FilterShow: how many networks are shown
}

// FilterAnswer is the master's answer.
type FilterAnswer struct {
	ID       int64
	Error    string // "" when it was done
	Changed  int    // networks that are in the list now, or off it
	Total    int    // networks that modules have in the list
	Networks []FilterNetwork
	State    *FilterState // of FilterCounts
}

// FilterNetwork is a network that a module has put into a list.
type FilterNetwork struct {
	Network netip.Prefix
	Left    time.Duration // until it goes; 0: it stays
	Packets uint64        // that matched it
}

// FilterState is what the filter is and has counted.
type FilterState struct {
	Devices  map[string]string      // mode by device
	Verdicts map[string]FilterCount // packets by what became of them
	Networks map[string]int         // sizes of the lists: allow, block
	Pending  bool                   // a change is taken back unless it is confirmed
}

// FilterCount is packets and their bytes.
type FilterCount struct{ Packets, Bytes uint64 }
