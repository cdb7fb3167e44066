package tune

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weir/tuning/evidence"
	"weir/tuning/machine"
	"weir/tuning/profile"
	"weir/tuning/setting"
)

// change is a value to be written.
type change struct {
	id, before, want string
	row              *Row // nil when a value of an earlier profile is put back
	done             bool
	made             string // what the kernel made of want; "" when it took it as it is
}

// Applied is the outcome of an apply.
type Applied struct {
	Plan    *Plan
	Changed int
	Skipped []string // "NAME: why", for what could not be changed here
}

// Apply brings the machine to a profile: all of it, or nothing when a write
// fails for another reason than that the machine lacks the value or the right
// to change it. What an earlier profile changed and this one does not want is
// put back.
func Apply(m *machine.Machine, d Dirs, p *profile.Profile, interfaces []string) (*Applied, error) {
	lock, err := d.lock()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	plan, err := makePlan(m, p, interfaces)
	if err != nil {
		return nil, err
	}
	j, err := d.load()
	if err != nil {
		return nil, err
	}
	if j == nil {
		j = &journal{}
		j.Counters, _ = evidence.Read(m.Proc) // evidence is a help, no condition
	}
	first := &applier{m: m, d: d, plan: plan.queues(), early: true}
	if len(first.plan.Rows) == 0 {
		a := &applier{m: m, d: d, plan: plan, out: Applied{Plan: plan}}
		return a.run(j)
	}
	return first.then(j, p, interfaces)
}

// then changes the numbers of queues, plans the rest for the queues there are
// then, and applies it, too.
func (a *applier) then(j *journal, p *profile.Profile, interfaces []string) (*Applied, error) {
	if _, err := a.run(j); err != nil {
		return nil, err
	}
	m, err := machine.Look(a.m.Roots)
	if err != nil {
		return nil, a.undo(j, err)
	}
	plan, err := makePlan(m, p, interfaces)
	if err != nil {
		return nil, a.undo(j, err)
	}
	now, err := a.d.load()
	if err != nil {
		return nil, a.undo(j, err)
	}
	if now == nil {
		now = j
	}
	rest := &applier{m: m, d: a.d, plan: plan}
	if _, err := rest.run(now); err != nil {
		return nil, a.undo(j, errors.Unwrap(err)) // which says that nothing was applied as well
	}
	// The queues stand in the second plan as they are now; a number that was
	// refused was tried again, and is among what was skipped.
	plan.Rows = append(a.plan.Rows, slices.DeleteFunc(plan.Rows, func(r Row) bool {
		return slices.ContainsFunc(a.plan.Rows, func(early Row) bool { return early.id == r.id })
	})...)
	return &Applied{Plan: plan, Changed: a.out.Changed + rest.out.Changed, Skipped: rest.out.Skipped}, nil
}

// queues is the part of a plan that changes numbers of queues: other rows depend
// on them.
func (p *Plan) queues() *Plan {
	q := &Plan{Profile: p.Profile}
	for _, r := range p.Rows {
		if r.State == Change && r.key.Name == "nic.channels" {
			q.Rows = append(q.Rows, r)
		}
	}
	return q
}

// applier is one run of Apply.
type applier struct {
	m       *machine.Machine
	d       Dirs
	plan    *Plan
	early   bool // more follows: nothing of an earlier profile goes back yet, and no file is written
	changes []change
	out     Applied
}

// collect lists what is to be written: first what goes back, then what the
// plan wants.
func (a *applier) collect(j *journal) {
	wanted := map[string]bool{}
	for i := range a.plan.Rows {
		wanted[a.plan.Rows[i].id] = true
	}
	for i := len(j.Entries) - 1; i >= 0 && !a.early; i-- {
		e := &j.Entries[i]
		if !wanted[e.ID] {
			a.changes = append(a.changes, change{id: e.ID, before: e.Set, want: e.Before})
		}
	}
	for i := range a.plan.Rows {
		r := &a.plan.Rows[i]
		switch r.State {
		case Change:
			a.changes = append(a.changes, change{id: r.id, before: r.Now, want: r.Want, row: r})
		case Skip:
			a.out.Skipped = append(a.out.Skipped, r.Name+": "+r.Note)
		}
	}
}

// run writes journal, live values and file, in that order: whatever ends the
// run early, the journal knows at least what was changed.
func (a *applier) run(old *journal) (*Applied, error) {
	a.collect(old)
	next := a.journal(old)
	if err := a.d.store(next); err != nil {
		return nil, err
	}
	for i := range a.changes {
		c := &a.changes[i]
		if err := a.write(c); err != nil {
			return nil, a.undo(old, fmt.Errorf("%s: %w", c.id, err))
		}
	}
	for i := range a.changes {
		if c := &a.changes[i]; c.done && c.made == "" {
			_ = again(a.m.Roots, c.id, c.want) // it could be written before
		}
	}
	if !a.early {
		if err := a.d.writeSysctl(a.plan); err != nil {
			return nil, a.undo(old, err)
		}
	}
	if err := a.d.store(a.settle(next, old)); err != nil {
		return nil, a.undo(old, err)
	}
	return &a.out, nil
}

// journal returns the old one with everything this run may change.
func (a *applier) journal(old *journal) *journal {
	j := &journal{Profile: a.plan.Profile.Name, Counters: old.Counters, Entries: slices.Clone(old.Entries)}
	for i := range a.changes {
		c := &a.changes[i]
		if e := j.find(c.id); e != nil {
			e.Set = c.want
		} else {
			j.Entries = append(j.Entries, entry{ID: c.id, Before: c.before, Set: c.want})
		}
	}
	for i := range a.changes {
		if other := moves[a.changes[i].id]; other != "" && j.find(other) == nil {
			if now, err := a.read(other); err == nil {
				j.Entries = append(j.Entries, entry{ID: other, Before: now, Set: now})
			}
		}
	}
	return j
}

// moves are settings whose change moves another one: with transparent huge
// pages the kernel raises the memory it keeps free, and leaves it there.
var moves = map[string]string{"choice kernel/mm/transparent_hugepage/enabled": "sysctl vm.min_free_kbytes"}

func (a *applier) read(id string) (string, error) {
	v, err := setting.Open(a.m.Roots, id)
	if err != nil {
		return "", err
	}
	return v.Read()
}

// settle leaves in the journal what differs from before the first apply: not
// what was put back, and of what could not be written only what an earlier
// apply had changed.
func (a *applier) settle(j, old *journal) *journal {
	kept := j.Entries[:0]
	for _, e := range j.Entries {
		i := slices.IndexFunc(a.changes, func(c change) bool { return c.id == e.ID })
		switch {
		case i < 0:
			if now, err := a.read(e.ID); err == nil && now != e.Set {
				e.Made = now
			}
			kept = append(kept, e)
		case a.changes[i].done && a.changes[i].row != nil:
			e.Made = a.changes[i].made
			kept = append(kept, e)
		case !a.changes[i].done:
			if before := old.find(e.ID); before != nil {
				kept = append(kept, *before)
			}
		}
	}
	j.Entries = kept
	for i := range a.changes {
		if c := &a.changes[i]; c.row != nil && !c.done {
			if j.Refused == nil {
				j.Refused = map[string]string{}
			}
			j.Refused[c.id] = c.want
		}
	}
	return j
}

// write makes one change. What the machine does not let us change is skipped
// with a note and is no error.
func (a *applier) write(c *change) error {
	v, err := setting.Open(a.m.Roots, c.id)
	if err != nil {
		return err
	}
	err = v.Write(c.want)
	if errors.Is(err, setting.ErrAbsent) || errors.Is(err, setting.ErrReadOnly) || errors.Is(err, setting.ErrNotOffered) {
		a.out.Skipped = append(a.out.Skipped, c.id+": "+err.Error())
		if c.row != nil {
			c.row.State, c.row.Note = Skip, err.Error()
		}
		return nil
	}
	if err != nil {
		return err
	}
	c.done = true
	a.out.Changed++
	if c.row != nil {
		now, err := v.Read()
		if err == nil && now != c.want {
			c.made = now
			c.row.Note = "the kernel made it " + now
		}
	}
	return nil
}

// again writes a value once more if writing others has moved it: the kernel
// raises vm.min_free_kbytes when it is given transparent huge pages.
func again(roots machine.Roots, id, want string) error {
	v, err := setting.Open(roots, id)
	if err != nil {
		return err
	}
	if now, err := v.Read(); err != nil || now == want {
		return err
	}
	return v.Write(want)
}

// undo puts everything back as it was before this run.
func (a *applier) undo(old *journal, cause error) error {
	for _, c := range slices.Backward(a.changes) {
		if !c.done {
			continue
		}
		v, err := setting.Open(a.m.Roots, c.id)
		if err == nil {
			err = v.Write(c.before)
		}
		if err != nil {
			cause = errors.Join(cause, fmt.Errorf("%s could not be put back to %q: %w", c.id, c.before, err))
		}
	}
	if len(old.Entries) == 0 {
		_ = os.Remove(a.d.journal())
	} else if err := a.d.store(old); err != nil {
		cause = errors.Join(cause, err)
	}
	return fmt.Errorf("nothing was applied: %w", cause)
}

// sysctlMark begins the files that tune owns.
const sysctlMark = "# Written by weir tune;"

// writeSysctl writes the kernel's settings for the next start of the machine
// and removes those of other profiles.
func (d *Dirs) writeSysctl(p *Plan) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s weir tune revert removes it. Profile: %s.\n", sysctlMark, p.Profile.Name)
	for i := range p.Rows {
		if r := &p.Rows[i]; r.key.Kind == profile.Sysctl && r.State != Skip {
			fmt.Fprintf(&b, "%s = %s\n", r.Name, r.Want)
		}
	}
	if err := os.MkdirAll(d.Sysctl, 0o755); err != nil {
		return err
	}
	name := filepath.Join(d.Sysctl, "90-weir-"+p.Profile.Name+".conf")
	if err := foreign(name); err != nil {
		return err
	}
	if err := machine.Replace(name, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return d.removeSysctl(name)
}

// removeSysctl removes the files of tune but one.
func (d *Dirs) removeSysctl(but string) error {
	files, _ := filepath.Glob(filepath.Join(d.Sysctl, "90-weir-*.conf"))
	for _, f := range files {
		if f == but || foreign(f) != nil {
			continue
		}
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	return nil
}

// foreign reports a file that somebody else has written.
func foreign(name string) error {
	b, err := os.ReadFile(name)
	if err == nil && !strings.HasPrefix(string(b), sysctlMark) {
		return fmt.Errorf("%s was not written by weir tune and is left alone: move it away", name)
	}
	return nil
}

// Reverted is one value that revert put back.
type Reverted struct {
	ID, From, To string
	Note         string // not empty when it was not as apply had left it, or could not be put back
}

// Revert puts back every value that apply changed. It goes on past what cannot
// be written; that stays in the journal and is the error.
func Revert(m *machine.Machine, d Dirs) (string, []Reverted, error) {
	lock, err := d.lock()
	if err != nil {
		return "", nil, err
	}
	defer lock.Close()
	j, err := d.load()
	if err != nil || j == nil {
		return "", nil, err
	}
	var done []Reverted
	var failed []error
	left := &journal{Profile: j.Profile, Counters: j.Counters}
	for _, e := range slices.Backward(j.Entries) {
		r := Reverted{ID: e.ID, To: e.Before}
		v, err := setting.Open(m.Roots, e.ID)
		if err == nil {
			r.From, err = v.Read()
		}
		if err == nil && r.From != e.Set && (e.Made == "" || r.From != e.Made) {
			r.Note = "had been changed since from " + e.Set
		}
		if err == nil && r.From != e.Before {
			err = v.Write(e.Before)
		}
		switch {
		case errors.Is(err, setting.ErrAbsent):
			r.Note = "is not there any more" // a device that was removed
		case err != nil:
			r.Note = err.Error()
			failed = append(failed, fmt.Errorf("%s: %w", e.ID, err))
			left.Entries = append(left.Entries, e)
		}
		done = append(done, r)
	}
	for _, r := range done {
		_ = again(m.Roots, r.ID, r.To) // what failed has been noted
	}
	if err := d.removeSysctl(""); err != nil {
		failed = append(failed, err)
	}
	if len(failed) > 0 {
		slices.Reverse(left.Entries)
		return j.Profile, done, errors.Join(append(failed, d.store(left))...)
	}
	return j.Profile, done, os.Remove(d.journal())
}
