// Command count reads the events of `go test -json` on standard input, shows
// the output of what failed, and ends with the line "N passed, N failed". It
// exits 1 when anything failed. A step of .ci/run that is no test is given as
// -status NAME=EXIT: it counts as one check, except that a failed test run is
// not counted again where its failed tests already were.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is the part of test2json's and the build's events used here.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// key names one test, or the package itself when Test is empty.
type key struct{ pkg, test string }

// tally is what the events add up to.
type tally struct {
	passed, failed, skipped int
	output                  map[key][]string // until the test's verdict
	parents                 map[key]bool     // tests with subtests, which are counted instead
	failedIn                map[string]bool  // packages with a counted failure
	out                     io.Writer
}

func main() {
	var steps []string
	flag.Func("status", "a step's `NAME=EXIT`", func(s string) error {
		if !strings.Contains(s, "=") {
			return errors.New("want NAME=EXIT")
		}
		steps = append(steps, s)
		return nil
	})
	flag.Parse()
	t := &tally{
		output:   map[key][]string{},
		parents:  map[key]bool{},
		failedIn: map[string]bool{},
		out:      os.Stdout,
	}
	t.read(os.Stdin)
	for _, s := range steps {
		t.step(s)
	}
	fmt.Printf("%d skipped\n%d passed, %d failed\n", t.skipped, t.passed, t.failed)
	if t.failed > 0 || t.passed == 0 {
		os.Exit(1)
	}
}

// read counts every event of r. Lines that are no events are shown as they are.
func (t *tally) read(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			t.line(line)
		}
		if err != nil {
			return
		}
	}
}

func (t *tally) line(line string) {
	var e event
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(t.out, line)
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "run":
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			t.parents[key{e.Package, e.Test[:i]}] = true
		}
	case "output":
		t.output[k] = append(t.output[k], e.Output)
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "pass", "fail", "skip":
		t.verdict(k, e.Action)
	}
}

// verdict counts one finished test. A test with subtests stands for no check
// of its own, and a package only when it failed without a failed test: it did
// not build, or a panic or the time limit ended it.
func (t *tally) verdict(k key, action string) {
	text := t.output[k]
	delete(t.output, k)
	leaf := k.test != "" && !t.parents[k]
	switch {
	case action == "fail":
		fmt.Fprint(t.out, strings.Join(text, ""))
		if leaf || !t.failedIn[k.pkg] {
			t.failed++
			t.failedIn[k.pkg] = true
		}
	case action == "skip" && leaf:
		fmt.Fprint(t.out, strings.Join(text, ""))
		t.skipped++
	case action == "pass" && leaf:
		t.passed++
	}
}

func (t *tally) step(s string) {
	name, status, _ := strings.Cut(s, "=")
	ok := status == "0"
	switch {
	case name == "test":
		if !ok && t.failed == 0 {
			t.failed++
			fmt.Fprintf(t.out, "make test failed with status %s\n", status)
		}
	case ok:
		t.passed++
	default:
		t.failed++
		fmt.Fprintf(t.out, "make %s failed with status %s\n", name, status)
	}
}
