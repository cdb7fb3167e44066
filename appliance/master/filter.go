package master

import (
	"container/heap"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/ebpf/filter"
)

// guard is the packet filter that xdp_filter asks for, and what keeps its
// operator from being locked out by it: a change that is not confirmed in time
// is undone. The master's goroutine owns it; the zero value filters nothing.
type guard struct {
	f    *filter.Filter
	conf *cycle.Filter        // in force; nil for none
	seen map[string]fileState // of list files, when they were read last

	// Networks per list: those of files, sorted, and those added at run time,
	// with the time when they go again, zero for never.
	files  [2][]netip.Prefix
	own    [2]map[netip.Prefix]time.Time
	theirs [2]map[netip.Prefix]struct{} // those of own that modules of the server have added
	ends   endings

	undo     []func()  // takes back what was not confirmed, last first
	deadline time.Time // when that is done; zero for never
	tick     *time.Ticker
	waiting  bool // for another process to leave a device
}

// fileState tells whether a file has changed.
type fileState struct {
	size  int64
	mtime time.Time
	inode os.FileInfo
}

var errNoFilter = errors.New("there is no xdp_filter")

// guardEvery is how often files and the deadline are looked at.
const guardEvery = time.Second

// confirmedName is the file beside the pid file that holds a digest of the
// settings that were confirmed last: a restart with the same is no change.
const confirmedName = "weir.filter"

// ticks is when watch is due.
func (g *guard) ticks() <-chan time.Time {
	if g.tick == nil {
		return nil
	}
	return g.tick.C
}

// checkFilter tells whether c's filter could be put in force, as far as that can
// be told without doing it.
func (m *master) checkFilter(c *cycle.Cycle) error {
	s := c.Core.Filter
	if s == nil {
		return nil
	}
	if _, err := readLists(s); err != nil {
		return emerg("%v", err)
	}
	if m.guard.f != nil {
		return nil
	}
	f, err := filter.Load()
	if err != nil {
		return emerg("the program of xdp_filter cannot be loaded: %s", unloadable(err))
	}
	f.Close()
	return nil
}

// readLists reads all files of a filter.
func readLists(s *cycle.Filter) (lists [2][]netip.Prefix, err error) {
	var errs []error
	for l, paths := range [2][]string{filter.Allow: s.AllowLists, filter.Block: s.BlockLists} {
		for _, path := range paths {
			file, err := os.Open(path)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			list, bad := filter.ParseList(file, path)
			file.Close()
			lists[l], errs = append(lists[l], list...), append(errs, bad...)
		}
	}
	return lists, errors.Join(errs...)
}

// applyFilter puts c's filter in force. New settings are undone after their
// confirm_timeout, unless they were confirmed before.
func (m *master) applyFilter(c *cycle.Cycle) error {
	g, s := &m.guard, c.Core.Filter
	if reflect.DeepEqual(s, g.conf) {
		if s != nil {
			g.readAgain()
		}
		return nil
	}
	before := g.conf
	switch err := g.apply(s); {
	case err != nil && m.inherited && g.waiting:
		errlog.Default().Printf(errlog.Notice, 0, "xdp_filter waits for the process before to leave the devices")
	case err != nil:
		if g.apply(before) != nil {
			g.close()
		}
		return err
	}
	if s != nil && s.Confirm > 0 && m.confirmedDigest() != digest(s) {
		g.pend(time.Duration(s.Confirm)*time.Millisecond, func() {
			if err := g.apply(before); err != nil {
				errlog.Default().Printf(errlog.Alert, 0, "%v", err)
				g.close()
			}
		})
		errlog.Default().Printf(errlog.Warn, 0, "xdp_filter is taken back in %d seconds unless it is confirmed: "+
			"curl --unix-socket %s -X POST http://weir/filter/confirm", s.Confirm/1000, filepath.Join(filepath.Dir(c.Core.Pid), socketName))
	}
	return nil
}

// apply puts settings in force; nil ends the filter.
func (g *guard) apply(s *cycle.Filter) error {
	if s == nil {
		g.close()
		return nil
	}
	lists, err := readLists(s)
	if err != nil {
		return err
	}
	if g.f == nil {
		if g.f, err = filter.Load(); err != nil {
			g.f = nil
			return fmt.Errorf("the program of xdp_filter cannot be loaded: %s", unloadable(err))
		}
		g.own, g.theirs = [2]map[netip.Prefix]time.Time{{}, {}}, [2]map[netip.Prefix]struct{}{{}, {}}
		g.tick = time.NewTicker(guardEvery)
	}
	g.conf, g.seen = s, stamps(s)
	if err := g.fill(lists); err != nil {
		return err
	}
	if err := g.f.SetLimit(filter.Limit{Rate: s.SYNRate, Burst: s.SYNBurst}); err != nil {
		return err
	}
	for device := range g.f.Modes() {
		if !slices.Contains(s.Interfaces, device) {
			_ = g.f.Detach(device)
		}
	}
	return g.attach()
}

// fill gives the filter its lists, those who are allowed first.
func (g *guard) fill(lists [2][]netip.Prefix) error {
	for l, list := range lists {
		slices.SortFunc(list, netip.Prefix.Compare)
		g.files[l] = list
		all := slices.Clip(list)
		for p := range g.own[l] {
			all = append(all, p)
		}
		if err := g.f.Set(filter.List(l), all); err != nil {
			return err
		}
	}
	return nil
}

// inFile tells whether a file names the network.
func (g *guard) inFile(l filter.List, p netip.Prefix) bool {
	_, found := slices.BinarySearchFunc(g.files[l], p, netip.Prefix.Compare)
	return found
}

// attach attaches the filter where it is not yet.
func (g *guard) attach() error {
	g.waiting = false
	before := g.f.Modes()
	for _, device := range g.conf.Interfaces {
		mode, err := g.f.Attach(device, filter.Mode(g.conf.Mode))
		if errors.Is(err, filter.ErrBusy) {
			g.waiting = true
		}
		if err != nil {
			return err
		}
		if _, there := before[device]; !there {
			errlog.Default().Printf(errlog.Notice, 0, "xdp_filter is attached to %s (%s)", device, mode)
		}
	}
	return nil
}

// close ends the filter.
func (g *guard) close() {
	if g.f == nil {
		return
	}
	g.f.Close()
	g.tick.Stop()
	*g = guard{}
	errlog.Default().Printf(errlog.Notice, 0, "xdp_filter is detached")
}

// pend has undo called when the time is over and nobody has confirmed.
func (g *guard) pend(d time.Duration, undo func()) {
	g.undo = append(g.undo, undo)
	g.deadline = time.Now().Add(d)
}

// watch is what is done every second: it undoes what was not confirmed, reads
// lists that have changed, and takes devices that have become free.
func (g *guard) watch() {
	if len(g.undo) > 0 && time.Now().After(g.deadline) {
		errlog.Default().Printf(errlog.Warn, 0, "xdp_filter: %d changes were not confirmed in time and are taken back", len(g.undo))
		undo := g.undo
		g.undo = nil
		for _, f := range slices.Backward(undo) {
			f()
		}
	}
	if g.f == nil {
		return
	}
	if g.waiting {
		_ = g.attach()
	}
	g.expire(time.Now())
	for path, now := range stamps(g.conf) {
		if was := g.seen[path]; now.size != was.size || !now.mtime.Equal(was.mtime) || !os.SameFile(now.inode, was.inode) {
			g.readAgain()
			return
		}
	}
}

// readAgain reads the list files. Bad ones leave the lists as they are.
func (g *guard) readAgain() {
	g.seen = stamps(g.conf)
	lists, err := readLists(g.conf)
	if err == nil {
		err = g.fill(lists)
	}
	if err != nil {
		errlog.Default().Printf(errlog.Error, 0, "xdp_filter: the lists stay as they are: %v", err)
		return
	}
	errlog.Default().Printf(errlog.Notice, 0, "xdp_filter: %d networks allowed, %d blocked",
		g.f.Entries(filter.Allow), g.f.Entries(filter.Block))
}

// stamps look at the files of lists; those that cannot be read have no stamp.
func stamps(s *cycle.Filter) map[string]fileState {
	seen := make(map[string]fileState)
	for _, path := range append(slices.Clone(s.AllowLists), s.BlockLists...) {
		if info, err := os.Stat(path); err == nil {
			seen[path] = fileState{info.Size(), info.ModTime(), info}
		}
	}
	return seen
}

// listChange is networks to be added to a list or taken off it.
type listChange struct {
	list     filter.List
	add      bool
	networks []netip.Prefix
	stay     time.Duration // how long those added stay; 0: until they are removed
	server   bool          // a module of the server asks for it
	confirm  time.Duration // the change is undone unless it is confirmed in time; 0: it stays
}

// change makes a change. What a file says is said again when it is read again.
func (g *guard) change(c listChange) error {
	if g.f == nil {
		return errNoFilter
	}
	if c.add && len(g.own[c.list])+len(c.networks) > filter.MaxEntries {
		return fmt.Errorf("more than %d networks", filter.MaxEntries)
	}
	if len(g.ends) > 2*len(g.own[0])+2*len(g.own[1])+1000 { // mostly times that were put off since
		g.ends = slices.DeleteFunc(g.ends, func(e ending) bool { return !g.own[e.list][e.network].Equal(e.at) })
		heap.Init(&g.ends)
	}
	until := time.Time{}
	if c.stay > 0 {
		until = time.Now().Add(c.stay)
	}
	var err error
	for _, p := range c.networks {
		g.forget(c.list, p)
		if !c.add {
			continue
		}
		g.own[c.list][p] = until
		if c.server {
			g.theirs[c.list][p] = struct{}{}
		}
		if c.stay > 0 {
			heap.Push(&g.ends, ending{until, c.list, p})
		}
	}
	if c.add {
		err = g.f.Add(c.list, c.networks...)
	} else {
		_, err = g.f.Remove(c.list, c.networks...)
	}
	if c.confirm > 0 {
		back := listChange{list: c.list, add: !c.add, networks: c.networks}
		g.pend(c.confirm, func() {
			if err := g.change(back); err != nil {
				errlog.Default().Printf(errlog.Alert, 0, "%v", err)
			}
		})
	}
	return err
}

// forget takes a network out of those added at run time.
func (g *guard) forget(l filter.List, p netip.Prefix) {
	delete(g.own[l], p)
	delete(g.theirs[l], p)
}

// expire removes the networks whose time is over.
func (g *guard) expire(now time.Time) {
	for len(g.ends) > 0 && !g.ends[0].at.After(now) {
		e := heap.Pop(&g.ends).(ending)
		if until, ok := g.own[e.list][e.network]; !ok || !until.Equal(e.at) {
			continue // removed, or given another time
		}
		g.forget(e.list, e.network)
		if g.inFile(e.list, e.network) {
			continue
		}
		if _, err := g.f.Remove(e.list, e.network); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "%v", err)
		}
	}
}

// ending is when a network goes; endings is a heap of them.
type ending struct {
	at      time.Time
	list    filter.List
	network netip.Prefix
}

type endings []ending

func (e endings) Len() int           { return len(e) }
func (e endings) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e endings) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *endings) Push(x any)        { *e = append(*e, x.(ending)) }
func (e *endings) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

// confirm makes what is in force stay, now and after a restart.
func (m *master) confirm() error {
	g := &m.guard
	if g.f == nil {
		return errNoFilter
	}
	g.undo, g.deadline = nil, time.Time{}
	return os.WriteFile(m.confirmedFile(), []byte(digest(g.conf)+"\n"), 0o600)
}

func (m *master) confirmedFile() string {
	return filepath.Join(filepath.Dir(m.cycle.Core.Pid), confirmedName)
}

func (m *master) confirmedDigest() string {
	data, _ := os.ReadFile(m.confirmedFile())
	return string(data[:max(0, len(data)-1)])
}

// digest tells settings apart.
func digest(s *cycle.Filter) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic("BUG: master: filter: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
