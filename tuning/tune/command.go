package tune

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"weir/tuning/evidence"
	"weir/tuning/machine"
	"weir/tuning/profile"
)

const usage = `usage: weir tune COMMAND [-i INTERFACE,...] [PROFILE]

  list      the profiles, and which suits this machine
  plan      what a profile would change: setting, now, wanted, reason
  apply     change it, keep what was there, and write it for the next start
  check     what is not as the profile wants it, and the kernel's evidence;
            exits with 1 when something differs
  revert    put everything back as it was before the first apply

PROFILE is a name from the list, or the path of a file of your own (with a
slash in it). Without one it is the profile that was applied, or else the one
that suits the machine. Without -i the interfaces are those with a device that
are up.
`

// Main is the command line `weir tune ARGS` for this machine. It returns the
// exit status: 0 done, 1 failed or different, 2 not understood.
func Main(args []string, stdout, stderr io.Writer) int {
	c := &command{dirs: SystemDirs, roots: machine.System, out: stdout, err: stderr}
	return c.run(args)
}

// command is one call of the command line.
type command struct {
	dirs     Dirs
	roots    machine.Roots
	out, err io.Writer

	m          *machine.Machine
	journal    *journal
	profile    *profile.Profile
	interfaces []string
}

func (c *command) run(args []string) int {
	commands := map[string]func() error{
		"list": c.list, "plan": c.plan, "apply": c.apply, "check": c.check, "revert": c.revert,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(c.err, usage)
		return 2
	}
	fs := flag.NewFlagSet("weir tune "+args[0], flag.ContinueOnError)
	fs.SetOutput(c.err)
	fs.Usage = func() { fmt.Fprint(c.err, usage) }
	interfaces := fs.String("i", "", "interfaces")
	if fs.Parse(args[1:]) != nil {
		return 2
	}
	if fs.NArg() > 1 {
		fs.Usage()
		return 2
	}
	if *interfaces != "" {
		c.interfaces = strings.Split(*interfaces, ",")
	}
	err := c.prepare(args[0], fs.Arg(0))
	if err == nil {
		err = commands[args[0]]()
	}
	if err != nil {
		fmt.Fprintf(c.err, "weir tune: %v\n", err)
		return 1
	}
	return 0
}

// prepare looks at the machine and finds the profile that is meant.
func (c *command) prepare(what, name string) (err error) {
	if c.m, err = machine.Look(c.roots); err != nil {
		return err
	}
	if c.journal, err = c.dirs.load(); err != nil {
		return err
	}
	if what == "list" || what == "revert" {
		return nil
	}
	if name == "" {
		name = Suggest(c.m)
		if c.journal != nil {
			name = c.journal.Profile
		}
	}
	c.profile, err = profile.Load(name)
	return err
}

func (c *command) list() error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, name := range profile.Names() {
		p, err := profile.Load(name)
		if err != nil {
			return err
		}
		mark := ""
		if c.journal != nil && c.journal.Profile == name {
			mark = "applied"
		} else if c.journal == nil && Suggest(c.m) == name {
			mark = "suits this machine"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, mark, p.About)
	}
	return w.Flush()
}

func (c *command) plan() error {
	p, err := makePlan(c.m, c.profile, c.interfaces)
	if err != nil {
		return err
	}
	c.header(p)
	c.print(p, func(r *Row) bool { return r.State != Same })
	fmt.Fprintf(c.out, "\n%d to change, %d as wanted, %d skipped, %d for whoever starts weir\n",
		p.count(Change), p.count(Same), p.count(Skip), p.count(Advise))
	return c.evidence()
}

func (c *command) header(p *Plan) {
	fmt.Fprintf(c.out, "profile %s: %s\n", p.Profile.Name, p.Profile.About)
	fmt.Fprintf(c.out, "%d processors, %d MB of memory", c.m.CPUs, c.m.Memory>>20)
	if c.m.Container != "" {
		fmt.Fprintf(c.out, ", in a container (%s)", c.m.Container)
	}
	fmt.Fprint(c.out, "\n\n")
}

// print writes the rows that are asked for as a table.
func (c *command) print(p *Plan, wanted func(*Row) bool) {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "setting\tnow\twanted\treason")
	for i := range p.Rows {
		r := &p.Rows[i]
		if !wanted(r) {
			continue
		}
		now := r.Now
		if now == "" {
			now = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Name, now, r.Want, why(r))
	}
	w.Flush()
}

// why is the last column of a row.
func why(r *Row) string {
	switch {
	case r.State == Skip:
		return "(skipped) " + r.Note
	case r.State == Advise:
		return "(advice) " + r.Reason + " [" + r.Note + "]"
	case r.Note != "":
		return r.Reason + " [" + r.Note + "]"
	}
	return r.Reason
}

func (c *command) evidence() error {
	now, err := evidence.Read(c.m.Proc)
	if err != nil {
		return err
	}
	if c.journal == nil {
		fmt.Fprint(c.out, "\nevidence, since the machine started:\n")
		evidence.Print(c.out, now, nil)
		return nil
	}
	fmt.Fprintf(c.out, "\nevidence, and what was added since %s was applied:\n", c.journal.Profile)
	evidence.Print(c.out, now, &c.journal.Counters)
	return nil
}

func (c *command) apply() error {
	a, err := Apply(c.m, c.dirs, c.profile, c.interfaces)
	if err != nil {
		return err
	}
	for _, s := range a.Skipped {
		fmt.Fprintf(c.out, "skipped %s\n", s)
	}
	for i := range a.Plan.Rows {
		if r := &a.Plan.Rows[i]; r.State == Change {
			fmt.Fprintf(c.out, "%s: %s -> %s", r.Name, r.Now, r.Want)
			if r.Note != "" {
				fmt.Fprintf(c.out, " [%s]", r.Note)
			}
			fmt.Fprintln(c.out)
		}
	}
	fmt.Fprintf(c.out, "profile %s is applied: %d changed, %d skipped; `weir tune revert` takes it back\n",
		a.Plan.Profile.Name, a.Changed, len(a.Skipped))
	return nil
}

func (c *command) check() error {
	p, err := makePlan(c.m, c.profile, c.interfaces)
	if err != nil {
		return err
	}
	c.known(p)
	c.header(p)
	if n := p.count(Change) + p.count(Advise); n > 0 {
		c.print(p, func(r *Row) bool { return r.State == Change || r.State == Advise })
	}
	if err := c.evidence(); err != nil {
		return err
	}
	if n := p.count(Change); n > 0 {
		return fmt.Errorf("%d of the settings are not as %s wants them", n, p.Profile.Name)
	}
	fmt.Fprintf(c.out, "\nevery setting is as %s wants it\n", p.Profile.Name)
	return nil
}

// known skips what the kernel did not take as it was when it was applied:
// another apply would not change that.
func (c *command) known(p *Plan) {
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.State != Change || c.journal == nil {
			continue
		}
		if e := c.journal.find(r.id); e != nil && e.Set == r.Want && e.Made != "" && e.Made == r.Now {
			r.State, r.Note = Skip, "the kernel made it "+r.Now
		}
		if c.journal.Refused[r.id] == r.Want {
			r.State, r.Note = Skip, "this machine did not take it"
		}
	}
}

func (c *command) revert() error {
	name, done, err := Revert(c.m, c.dirs)
	for _, r := range done {
		fmt.Fprintf(c.out, "%s: %s -> %s", r.ID, r.From, r.To)
		if r.Note != "" {
			fmt.Fprintf(c.out, " [%s]", r.Note)
		}
		fmt.Fprintln(c.out)
	}
	switch {
	case err != nil:
		return err
	case name == "":
		fmt.Fprintln(c.out, "nothing is applied")
	default:
		fmt.Fprintf(c.out, "profile %s is taken back: %d settings as before\n", name, len(done))
	}
	return nil
}
