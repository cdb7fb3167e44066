package buf

import "weir/netio/sock"

// PipeSize is the capacity asked for a pipe: below 1 MB splice costs more
// than copying (the default 64 KB pipe needs four times the calls).
const PipeSize = 1 << 20

// maxFreePipes is how many empty pipes a pool keeps. Each is up to 1 MB of
// kernel memory only while it is filled, and two descriptors always.
const maxFreePipes = 16

// Pipe is a pair of descriptors that bytes are spliced through without
// coming into the process.
type Pipe struct {
	R, W int // read and write end, non-blocking
	N    int // bytes inside
	Cap  int // capacity the kernel granted
}

// Pipe returns an empty pipe.
func (p *Pool) Pipe() (*Pipe, error) {
	if n := len(p.pipes); n > 0 {
		pp := p.pipes[n-1]
		p.pipes = p.pipes[:n-1]
		return pp, nil
	}
	r, w, size, err := sock.Pipe(PipeSize)
	if err != nil {
		return nil, err
	}
	p.stats.Pipes++
	return &Pipe{R: r, W: w, Cap: size}, nil
}

// PutPipe gives a pipe back. One that still holds bytes is closed: draining
// it would cost more than a new one.
func (p *Pool) PutPipe(pp *Pipe) {
	if pp.N != 0 || len(p.pipes) >= maxFreePipes {
		p.closePipe(pp)
		return
	}
	p.pipes = append(p.pipes, pp)
}

func (p *Pool) closePipe(pp *Pipe) {
	p.stats.Pipes--
	sock.Close(pp.R)
	sock.Close(pp.W)
	*pp = Pipe{R: -1, W: -1}
}

// Close closes the pipes that the pool keeps. Buffers need no closing.
func (p *Pool) Close() {
	for _, pp := range p.pipes {
		p.closePipe(pp)
	}
	p.pipes = nil
}
