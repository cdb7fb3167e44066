package server

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"weir/appliance/cycle"
	"weir/appliance/worker"
)

// Op is what a message is about.
type Op string

// Orders of the master.
const (
	Load   Op = "load"   // take a configuration: Body is an Order and a snapshot; descriptors follow
	Reopen Op = "reopen" // new descriptors of log files: Body is an Order
	Quit   Op = "quit"   // stop accepting, finish what runs, end
	Stop   Op = "stop"   // end at once
	Query  Op = "query"  // send a Status
	Ask    Op = "ask"    // answer the question in Text, under its ID; see Options.Answer
	Runner Op = "runner" // the socket of a process that runs commands, or in Text why there is none; ID is that of the Runs

	Filtered Op = "filtered" // the answer to a Filter; Body is a cycle.FilterAnswer
)

// Answers of the server.
const (
	Ready  Op = "ready"  // the configuration of Generation serves on all workers
	Failed Op = "failed" // it does not, for the reason in Text
	State  Op = "state"  // Body is a Status
	Told   Op = "told"   // Body answers the question of ID, or Text says why there is no answer
	Filter Op = "filter" // a module asks the packet filter; Text is a cycle.FilterQuestion
	Runs   Op = "runs"   // a module wants to run commands: send a Runner
)

// Message is one order or answer.
type Message struct {
	Op         Op     `json:"op"`
	Generation int    `json:"generation,omitempty"`
	Text       string `json:"text,omitempty"`
	Handover   bool   `json:"handover,omitempty"` // with Quit: another process accepts on the same sockets
	ID         int    `json:"id,omitempty"`       // of Ask and Told, Runs and Runner
	Body       []byte `json:"-"`                  // travels in a memory file; nil for none
}

// Order is what comes with Load and Reopen. Paths are bytes, because JSON
// strings hold no bytes that are not UTF-8.
type Order struct {
	Generation int
	Prefix     []byte
	ConfFile   []byte
	ErrorLog   []byte     // of -e
	Root       bool       // the master is root: defaults as for root
	User       cycle.User // whom to become; only the first order's counts
	Priority   int        // nice value; only the first order's counts
	Cores      bool       // worker_rlimit_core is set: the process may dump core
	Env        [][]byte   // the whole environment, "NAME=value"
	Logs       [][]byte   // paths; a descriptor for each comes first
	Board      bool       // a descriptor of the steer.Board comes behind them
	Steering   cycle.Steering
	Sockets    []Socket // all that the generation listens on
}

// Socket is one listening descriptor. Those with New come with the message,
// in order, behind logs and board; the server has the others.
type Socket struct {
	Key   []byte // cycle.Listen.Key
	Index int    // among the sockets of the key
	New   bool
}

// pack joins an order and a snapshot into a message body.
func pack(o *Order, snapshot []byte) ([]byte, error) {
	head, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	body := binary.AppendUvarint(nil, uint64(len(head)))
	body = append(body, head...)
	return append(body, snapshot...), nil
}

// unpack is pack's reverse.
func unpack(body []byte) (*Order, []byte, error) {
	n, size := binary.Uvarint(body)
	if size <= 0 || n > uint64(len(body)-size) {
		return nil, nil, errors.New("BUG: server: order is damaged")
	}
	o := new(Order)
	err := json.Unmarshal(body[size:size+int(n)], o)
	return o, body[size+int(n):], err
}

// SendOrder sends an order of the master with its snapshot, which may be nil,
// and descriptors: those of o.Logs, the board's, then those of the new o.Sockets.
func (l *Link) SendOrder(op Op, o *Order, snapshot []byte, fds ...int) error {
	body, err := pack(o, snapshot)
	if err != nil {
		return err
	}
	defer clear(body) // there are keys in it
	return l.Send(&Message{Op: op, Generation: o.Generation, Body: body}, fds...)
}

// Status is what the server process reports of itself.
type Status struct {
	Pid        int             `json:"pid"`
	Generation int             `json:"generation"`
	Workers    []worker.Status `json:"workers"`
	KernelTLS  *KernelTLS      `json:"kernel_tls,omitempty"`
}

// KernelTLS names the ciphers whose records the kernel takes over, "none" or
// a list, for connections whose configuration leaves them to it.
type KernelTLS struct {
	Sends    string `json:"sends"`
	Receives string `json:"receives"`
}

func (s *Status) encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic("BUG: server: status: " + err.Error())
	}
	return data
}
