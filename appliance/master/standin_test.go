package master

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/server"
	"weir/appliance/worker"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// The test binary is the program under test when it is started with
// -test.main: a master and server whose only service is the one below. It
// speaks just enough HTTP/1.1 for Go's client.

func TestMain(m *testing.M) {
	if link, ok := ServerLink(); ok {
		os.Exit(server.Run(server.Options{Link: link, Table: standinTable(), New: newStandin, Answer: standinAnswer}))
	}
	if os.Getenv(mainVar) != "" {
		os.Exit(standinMain())
	}
	os.Exit(m.Run())
}

// mainVar makes the test binary the program.
const mainVar = "WEIR_TEST_MAIN"

// standinAnswer answers with the question, and refuses /lua/no.
func standinAnswer(question string) ([]byte, error) {
	if question == "/lua/no" {
		return nil, errors.New("no such thing")
	}
	return []byte("asked " + question), nil
}

func standinMain() int {
	fs := flag.NewFlagSet("weir", flag.ContinueOnError)
	o := Options{Args: os.Args, Version: "test", Table: standinTable(), New: newStandin, Answer: standinAnswer}
	fs.StringVar(&o.Prefix, "p", "", "")
	fs.StringVar(&o.ConfFile, "c", "nginx.conf", "")
	fs.StringVar(&o.ErrorLog, "e", "error.log", "")
	fs.StringVar(&o.Globals, "g", "", "")
	test := fs.Bool("t", false, "")
	word := fs.String("s", "", "")
	if fs.Parse(os.Args[1:]) != nil {
		return 2
	}
	switch {
	case *test:
		return Test(o, false)
	case *word != "":
		return Signal(o, *word)
	}
	return Start(o)
}

// serving is one `serve ADDRESS TEXT [delay]` directive: what is answered there.
// Some texts are more than that: "who" answers the worker's number, "stall"
// too, and then keeps the worker from everything else for the delay; "block" has
// the client blocked for the delay.
type serving struct {
	text  string
	delay time.Duration
}

func standinTable() *conf.Table {
	t := new(conf.Table)
	cycle.AddTo(t)
	t.Add("standin", []conf.Directive{{
		Name: "serve", In: conf.Main, Args: conf.Take23,
		Set: func(cx *conf.Cx, it *conf.Item) error {
			a, err := sock.ParseAddr(it.Arg(0))
			if err != nil {
				return conf.Errorf("invalid address %q", it.Arg(0))
			}
			s := &serving{text: it.Arg(1)}
			if ms, ok := conf.ParseTime(it.Arg(2), false); ok {
				s.delay = time.Duration(ms) * time.Millisecond
			}
			if s.text == "fail" && !cycle.Of(cx).Check {
				return conf.Errorf("only the server refuses this")
			}
			c := cycle.Of(cx)
			c.AddListen(&cycle.Listen{Addr: a, Text: a.String(), Service: s, Shared: a.Family() == sock.Unix})
			return nil
		},
	}})
	return t
}

// standin is the service of one worker.
type standin struct {
	id       int
	d        *conn.Driver
	cyc      *cycle.Cycle
	serving  map[string]*serving // by address, of the cycle in force
	active   int
	stopping bool
}

func newStandin(loop *poll.Loop, id int) worker.Service {
	return &standin{id: id, d: conn.NewDriver(loop, buf.NewPool(1<<20))}
}

func (s *standin) Driver() *conn.Driver { return s.d }

func (s *standin) Prepare(*cycle.Cycle) <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

func (s *standin) Use(c *cycle.Cycle) {
	s.cyc, s.serving = c, make(map[string]*serving)
	for _, l := range c.Listens {
		s.serving[l.Key()] = l.Service.(*serving)
	}
}

func (s *standin) Acceptor(l *cycle.Listen) conn.Acceptor { return &port{s, l.Key()} }

func (s *standin) Shutdown() { s.stopping = true }

func (s *standin) Handover() { s.stopping = true }

func (s *standin) Active() int { return s.active }

// Cut leaves everything open, so that the tests see that nothing can hold a
// stop up for ever.
func (s *standin) Cut(int) int { return 0 }

func (s *standin) Close() {}

type port struct {
	s   *standin
	key string
}

func (p *port) Accepted(c *conn.Conn) {
	p.s.active++
	x := &exchange{p: p}
	c.SetHandler(x)
	c.SetTimer(conn.ReadTimer, 5000)
	x.Readable(c)
}

// exchange is one connection.
type exchange struct {
	p  *port
	in []byte
}

func (x *exchange) end(c *conn.Conn) {
	x.p.s.active--
	c.Close()
}

func (x *exchange) Readable(c *conn.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := c.Recv(b)
		if err == sock.ErrAgain {
			return
		}
		if err != nil || n == 0 {
			x.end(c)
			return
		}
		x.in = append(x.in, b[:n]...)
		if i := bytes.Index(x.in, []byte("\r\n\r\n")); i >= 0 {
			x.in = x.in[i+4:]
			sv := x.p.s.serving[x.p.key]
			if sv != nil && sv.text == "block" {
				ip := c.Remote().IP()
				_ = x.p.s.cyc.FilterLink.Ask(cycle.FilterQuestion{Op: cycle.FilterAdd, For: sv.delay, Networks: []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}}, nil)
				x.reply(c, "blocked")
				return
			}
			if sv != nil && sv.text == "stall" {
				x.reply(c, strconv.Itoa(x.p.s.id))
				time.Sleep(sv.delay) // what a script that never yields does to its worker
				return
			}
			if sv != nil && sv.delay > 0 {
				c.SetTimer(conn.WriteTimer, sv.delay.Milliseconds())
				return
			}
			if !x.answer(c) {
				return
			}
		}
	}
}

// answer sends a response and reports whether the connection goes on.
func (x *exchange) answer(c *conn.Conn) bool {
	text := "gone"
	if sv := x.p.s.serving[x.p.key]; sv != nil {
		text = sv.text
	}
	if text == "who" {
		text = strconv.Itoa(x.p.s.id)
	}
	if text == "panic" {
		panic("asked for by the configuration")
	}
	return x.reply(c, text)
}

func (x *exchange) reply(c *conn.Conn, text string) bool {
	how := "keep-alive"
	if x.p.s.stopping {
		how = "close"
	}
	out := fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%s", how, len(text), text)
	var chain buf.Chain
	chain.Append(x.p.s.d.Pool.MemLink([]byte(out)))
	if _, err := c.Send(&chain, 0); err != nil || x.p.s.stopping {
		x.end(c)
		return false
	}
	return true
}

func (x *exchange) Writable(*conn.Conn) {}

func (x *exchange) Expired(c *conn.Conn, t conn.TimerID) {
	if t == conn.WriteTimer {
		x.answer(c)
		return
	}
	x.end(c)
}
