package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	weir, nginx, haproxy string
	rounds               int
	duration             time.Duration
	connections          int
	idle                 int
	only                 *regexp.Regexp
	out                  string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("perf: ")
	for name, generator := range map[string]func(args []string) error{openLoopCommand: openLoopMain, handshakeCommand: handshakeMain} {
		if len(os.Args) > 1 && os.Args[1] == name {
			if err := generator(os.Args[2:]); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	o, err := parseFlags(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func parseFlags(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("perf", flag.ExitOnError)
	fs.StringVar(&o.weir, "weir", "bin/weir", "weir's `program`")
	fs.StringVar(&o.nginx, "nginx", "nginx", "nginx's `program`")
	fs.StringVar(&o.haproxy, "haproxy", "haproxy", "haproxy's `program`")
	fs.IntVar(&o.rounds, "rounds", 3, "rounds over all servers")
	fs.DurationVar(&o.duration, "duration", 3*time.Second, "of each server's part of a round")
	fs.IntVar(&o.connections, "connections", 64, "of the load")
	fs.IntVar(&o.idle, "idle", 8000, "idle connections for the memory figure")
	fs.StringVar(&o.out, "o", "", "write the table to this `file` too")
	only := fs.String("only", "", "`pattern` of the scenarios to measure")
	fs.Parse(args)
	var err error
	o.only, err = regexp.Compile(*only)
	return o, err
}

// run measures every scenario on every server that is there.
func run(o *options) error {
	if err := needTools("wrk", "taskset"); err != nil {
		return err
	}
	l, err := newLab(o)
	if err != nil {
		return err
	}
	defer l.close()
	fmt.Fprintf(os.Stderr, "servers: %s\n", strings.Join(l.names(), ", "))

	rep := newReport(o, l)
	saturation := map[string]float64{} // nginx's requests per second by path
	for _, sc := range scenarios {
		if !o.only.MatchString(sc.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s\n", sc.name)
		res, err := l.measure(sc, saturation)
		if err != nil {
			return fmt.Errorf("%s: %w", sc.name, err)
		}
		rep.add(sc, res)
	}
	text := rep.markdown()
	fmt.Print(text)
	if o.out != "" {
		return os.WriteFile(o.out, []byte(text), 0o644)
	}
	return nil
}
