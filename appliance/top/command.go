package top

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"weir/appliance/insight"
)

// Program is what the commands need of the program.
type Program struct {
	// Socket finds the status socket of the server with that prefix and configuration, "" being the built-in ones.
	Socket         func(prefix, confFile string) (string, error)
	Stdout, Stderr io.Writer
}

// command is the command line of one of the commands.
type command struct {
	*flag.FlagSet
	p      *Program
	socket string
	prefix string
	conf   string
}

func (p *Program) command(name, arguments, about string) *command {
	c := &command{FlagSet: flag.NewFlagSet("weir "+name, flag.ContinueOnError), p: p}
	c.SetOutput(p.Stderr)
	c.StringVar(&c.socket, "s", "", "the server's status `socket`; else it is found by -p and -c")
	c.StringVar(&c.prefix, "p", "", "`prefix` of the server, as it was started with")
	c.StringVar(&c.conf, "c", "", "its configuration `file`")
	c.Usage = func() {
		fmt.Fprintf(p.Stderr, "usage: weir %s [options]%s\n%s\n", name, arguments, about)
		c.PrintDefaults()
	}
	return c
}

// parse reads the arguments, of which n have no option. done says that all is said.
func (c *command) parse(args []string, n int) (code int, done bool) {
	switch err := c.Parse(args); {
	case err == flag.ErrHelp:
		return 0, true
	case err != nil:
		return 2, true
	case c.NArg() != n:
		c.Usage()
		return 2, true
	}
	if c.socket == "" {
		path, err := c.p.Socket(c.prefix, c.conf)
		if err != nil {
			return c.fail(err), true
		}
		c.socket = path
	}
	return 0, false
}

func (c *command) fail(err error) int {
	fmt.Fprintf(c.p.Stderr, "%s: %v\n", c.Name(), err)
	return 1
}

// Top is weir top; it returns the exit code.
func (p *Program) Top(args []string) int {
	c := p.command("top", "", "Shows what the workers of a running server do, and the Lua that takes their time.")
	rounds := c.Int("n", 0, "end after so many tables; 0: go on")
	every := c.Duration("d", 2*time.Second, "time between tables; with 0 one shows the sums since the start")
	batch := c.Bool("b", false, "one table below the other, for files and pipes")
	asJSON := c.Bool("j", false, "print the server's answer as it is, once")
	if code, done := c.parse(args, 0); done {
		return code
	}
	if *asJSON {
		body, err := ask(c.socket, "/top", 0)
		if err != nil {
			return c.fail(err)
		}
		_, _ = p.Stdout.Write(body)
		return 0
	}
	if *every <= 0 {
		*rounds = 1
	}
	before := insight.Report{}
	for i := 0; *rounds == 0 || i <= *rounds; i++ {
		now, err := report(c.socket)
		if err != nil {
			return c.fail(err)
		}
		if i > 0 || *every <= 0 {
			if !*batch {
				fmt.Fprint(p.Stdout, "\x1b[H\x1b[2J") // a fresh screen
			}
			_, _ = p.Stdout.Write(table(&before, &now))
		}
		if before = now; *every <= 0 {
			break
		}
		if i < *rounds || *rounds == 0 {
			time.Sleep(*every)
		}
	}
	return 0
}

func report(socket string) (r insight.Report, err error) {
	body, err := ask(socket, "/top", 0)
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	return r, err
}

// Profile is weir profile; it returns the exit code.
func (p *Program) Profile(args []string) int {
	c := p.command("profile", " SECONDS", "Watches where a running server spends its time in Lua.")
	kind := c.String("k", "lines", "`kind`: lines, folded (stacks for flame graphs) or go (for go tool pprof)")
	file := c.String("o", "", "write to this `file`")
	if code, done := c.parse(args, 1); done {
		return code
	}
	seconds, err := strconv.ParseFloat(c.Arg(0), 64)
	if err != nil || !(seconds > 0) {
		return c.fail(fmt.Errorf("%q is no number of seconds", c.Arg(0)))
	}
	q := url.Values{"seconds": {c.Arg(0)}, "kind": {*kind}}
	body, err := ask(c.socket, "/lua/profile?"+q.Encode(), time.Duration(min(seconds, 1e6)*float64(time.Second)))
	if err != nil {
		return c.fail(err)
	}
	if *file != "" {
		if err := os.WriteFile(*file, body, 0o600); err != nil {
			return c.fail(err)
		}
		return 0
	}
	_, _ = p.Stdout.Write(body)
	return 0
}

// Memory is weir memory; it returns the exit code.
func (p *Program) Memory(args []string) int {
	c := p.command("memory", "", "Measures what the Lua of each worker of a running server keeps.")
	if code, done := c.parse(args, 0); done {
		return code
	}
	body, err := ask(c.socket, "/lua/memory", 0)
	var m insight.Memory
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		return c.fail(err)
	}
	fmt.Fprintf(p.Stdout, "%6s %5s %12s\n", "WORKER", "VMS", "BYTES")
	for _, w := range m.Workers {
		bytes := "-"
		if w.Complete {
			bytes = strconv.FormatInt(w.Bytes, 10)
		}
		fmt.Fprintf(p.Stdout, "%6d %5d %12s\n", w.ID, w.VMs, bytes)
	}
	return 0
}
