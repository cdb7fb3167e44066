package runner

import (
	"encoding/binary"
	"errors"
)

// A message is one packet:
//
//	order   'S' id dir search args env    start a command; three descriptors come along
//	        'K' id signal                 send it a signal
//	        'G' id                        kill it and its process group
//	report  'P' id pid                    it runs
//	        'F' id errno                  it could not be started
//	        'X' id signal code            it has ended
//
// Numbers are uvarints; a string is its length and its bytes; a list is the
// number of its strings and these. id is the Client's name for a command, so
// that a signal never reaches a process that got the number of one that is gone.
const (
	opStart   = 'S'
	opKill    = 'K'
	opGroup   = 'G'
	opStarted = 'P'
	opFailed  = 'F'
	opEnded   = 'X'
)

// Bounds of a message.
const (
	maxMessage = 128 << 10 // bytes: arguments and environment together
	maxStrings = 16 << 10  // strings of a list
)

// order is what the runner is told.
type order struct {
	op     byte
	id     uint64
	signal int // of opKill

	// Of opStart.
	dir    string // working directory; "" is the runner's
	search string // PATH
	args   []string
	env    []string
}

// report is what the runner tells.
type report struct {
	op                       byte
	id                       uint64
	pid, errno, signal, code int
}

var errMessage = errors.New("runner: damaged message")

// tooLong tells whether the order is no message, whatever its id.
func (o *order) tooLong() bool {
	if len(o.args) > maxStrings || len(o.env) > maxStrings {
		return true
	}
	n := len(o.dir) + len(o.search)
	for _, list := range [][]string{o.args, o.env} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n > maxMessage
}

// append encodes an order.
func (o *order) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, o.op), o.id)
	switch o.op {
	case opKill:
		return binary.AppendUvarint(b, uint64(o.signal))
	case opGroup:
		return b
	}
	b = appendString(b, o.dir)
	b = appendString(b, o.search)
	b = appendList(b, o.args)
	return appendList(b, o.env)
}

// decodeOrder is append's reverse. It never fails on what append makes.
func decodeOrder(b []byte) (*order, error) {
	if len(b) == 0 {
		return nil, errMessage
	}
	d := decoder{b: b[1:]}
	o := &order{op: b[0], id: d.number()}
	switch o.op {
	case opKill:
		o.signal = d.small()
	case opGroup:
	case opStart:
		o.dir = d.text()
		o.search = d.text()
		o.args = d.list()
		o.env = d.list()
		d.failed = d.failed || len(o.args) == 0
	default:
		d.failed = true
	}
	return o, d.err()
}

// append encodes a report.
func (r *report) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, r.op), r.id)
	switch r.op {
	case opStarted:
		return binary.AppendUvarint(b, uint64(r.pid))
	case opFailed:
		return binary.AppendUvarint(b, uint64(r.errno))
	}
	b = binary.AppendUvarint(b, uint64(r.signal))
	return binary.AppendUvarint(b, uint64(r.code))
}

// decodeReport is append's reverse.
func decodeReport(b []byte) (*report, error) {
	if len(b) == 0 {
		return nil, errMessage
	}
	d := decoder{b: b[1:]}
	r := &report{op: b[0], id: d.number()}
	switch r.op {
	case opStarted:
		r.pid = d.small()
	case opFailed:
		r.errno = d.small()
	case opEnded:
		r.signal, r.code = d.small(), d.small()
	default:
		d.failed = true
	}
	return r, d.err()
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendList(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// decoder reads a message; after the first mistake it gives zero values.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) err() error {
	if d.failed || len(d.b) != 0 {
		return errMessage
	}
	return nil
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 || d.failed {
		d.failed = true
		return 0
	}
	d.b = d.b[size:]
	return n
}

// small is a number that fits the kernel's int.
func (d *decoder) small() int {
	n := d.number()
	if n > 1<<31-1 {
		d.failed = true
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) list() []string {
	n := d.number()
	if n > maxStrings || n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, d.text())
	}
	return list
}
