package steer

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Arrays are the descriptors of the socket arrays by the names of their groups,
// for a process that takes over the sockets. They stay the Steering's.
func (s *Steering) Arrays() map[string]int {
	fds := make(map[string]int, len(s.arrays))
	for name, a := range s.arrays {
		fds[name] = a.FD()
	}
	return fds
}

// Adopt takes over the array of a group whose sockets came from another
// process, before the first Prepare. The descriptor is the Steering's from now
// on.
func (s *Steering) Adopt(name string, fd int) error {
	m, err := ebpf.NewMapFromFD(fd)
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("steer: array of %s: %w", name, err)
	}
	if m.Type() != ebpf.ReusePortSockArray || m.MaxEntries() != MaxWorkers {
		_ = m.Close()
		return fmt.Errorf("steer: descriptor %d of %s is no socket array", fd, name)
	}
	s.arrays[name] = m
	return nil
}

// array is the socket array of a group, with the first n sockets in it.
func (s *Steering) array(spec *ebpf.MapSpec, g Group, n int) (*ebpf.Map, error) {
	a := s.arrays[g.Name]
	if a == nil {
		var err error
		if a, err = ebpf.NewMap(spec); err != nil {
			return nil, err
		}
		s.arrays[g.Name] = a
	}
	for i, fd := range g.Sockets[:n] {
		if err := put(a, uint32(i), fd); err != nil {
			return nil, fmt.Errorf("socket %d of %s: %w", i, g.Name, err)
		}
	}
	return a, nil
}

// Freeing the array of a program that was detached takes the kernel a grace
// period.
const (
	freeTries = 50
	freePause = 10 * time.Millisecond
)

// put puts a socket in its place unless it is there. One that is in the array
// of a process that has ended is held there by the program that is attached
// still, so that one goes.
func put(a *ebpf.Map, i uint32, fd int) error {
	var cookie uint64
	if a.Lookup(i, &cookie) == nil {
		if mine, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE); err == nil && mine == cookie {
			return nil
		}
	}
	err := a.Put(i, uint64(fd))
	for try := 0; try < freeTries && errors.Is(err, unix.EBUSY); try++ {
		if try == 0 {
			detach([]int{fd})
		}
		time.Sleep(freePause)
		err = a.Put(i, uint64(fd))
	}
	return err
}
