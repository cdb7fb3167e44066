package setting

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/safchain/ethtool"
)

// device is a value of a network device that the kernel hands out by ioctl.
type device struct {
	name string
	part *part
}

// driver is what the kernel lets ask and tell a device's driver.
type driver interface {
	GetChannels(name string) (ethtool.Channels, error)
	SetChannels(name string, c ethtool.Channels) (ethtool.Channels, error)
	GetRing(name string) (ethtool.Ring, error)
	SetRing(name string, r ethtool.Ring) (ethtool.Ring, error)
	GetCoalesce(name string) (ethtool.Coalesce, error)
	SetCoalesce(name string, c ethtool.Coalesce) (ethtool.Coalesce, error)
}

// part is how one value is read and written. want is a value in the form read
// returns.
type part struct {
	read  func(e driver, name string) (string, error)
	write func(e driver, name, want string) error
}

var parts = map[string]*part{
	"channels":    {readChannels, writeChannels},
	"ring":        {readRing, writeRing},
	"adaptive-rx": {readAdaptive, writeAdaptive},
	"rx-usecs":    {readUsecs, writeUsecs},
}

func openDevice(name, what string) (Value, error) {
	p := parts[what]
	if p == nil {
		return nil, fmt.Errorf("%q is no value of a network device", what)
	}
	return device{name, p}, nil
}

func (d device) Read() (value string, err error) {
	err = d.with(func(e driver) (err error) {
		value, err = d.part.read(e, d.name)
		return err
	})
	return value, err
}

func (d device) Write(value string) error {
	return d.with(func(e driver) error {
		return d.part.change(e, d.name, value)
	})
}

// change writes a value. What the driver does not take is ErrNotOffered.
func (p *part) change(e driver, name, value string) error {
	err := p.write(e, name, value)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		return fmt.Errorf("%w: %q", ErrNotOffered, value)
	}
	return err
}

// with runs f with a handle of the namespace the process is in.
func (d device) with(f func(driver) error) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return reason(err)
	}
	defer e.Close()
	if err := f(e); err != nil && !errors.Is(err, ErrNotOffered) {
		return reason(err)
	}
	return err
}

// readChannels gives "combined 4" for devices whose queues go both ways, and
// "rx 2 tx 2" for others.
func readChannels(e driver, name string) (string, error) {
	c, err := e.GetChannels(name)
	if err != nil {
		return "", err
	}
	if c.MaxCombined > 0 {
		return fmt.Sprintf("combined %d", c.CombinedCount), nil
	}
	return fmt.Sprintf("rx %d tx %d", c.RxCount, c.TxCount), nil
}

func writeChannels(e driver, name, want string) error {
	c, err := e.GetChannels(name)
	if err != nil {
		return err
	}
	if n, _ := fmt.Sscanf(want, "combined %d", &c.CombinedCount); n != 1 {
		if n, _ := fmt.Sscanf(want, "rx %d tx %d", &c.RxCount, &c.TxCount); n != 2 {
			return fmt.Errorf("channels %q: want \"combined N\" or \"rx N tx N\"", want)
		}
	}
	_, err = e.SetChannels(name, c)
	return err
}

// MostChannels returns how many queues of a kind a device can have: combined
// ones, or else receive and transmit queues.
func MostChannels(name string) (combined, rx, tx int, err error) {
	err = device{name: name}.with(func(e driver) error {
		c, err := e.GetChannels(name)
		combined, rx, tx = int(c.MaxCombined), int(c.MaxRx), int(c.MaxTx)
		return err
	})
	return combined, rx, tx, err
}

func readRing(e driver, name string) (string, error) {
	r, err := e.GetRing(name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("rx %d tx %d", r.RxPending, r.TxPending), nil
}

func writeRing(e driver, name, want string) error {
	r, err := e.GetRing(name)
	if err != nil {
		return err
	}
	if n, _ := fmt.Sscanf(want, "rx %d tx %d", &r.RxPending, &r.TxPending); n != 2 {
		return fmt.Errorf("ring %q: want \"rx N tx N\"", want)
	}
	_, err = e.SetRing(name, r)
	return err
}

// LongestRing returns the longest rings of a device.
func LongestRing(name string) (rx, tx int, err error) {
	err = device{name: name}.with(func(e driver) error {
		r, err := e.GetRing(name)
		rx, tx = int(r.RxMaxPending), int(r.TxMaxPending)
		return err
	})
	return rx, tx, err
}

func readAdaptive(e driver, name string) (string, error) {
	c, err := e.GetCoalesce(name)
	if err != nil {
		return "", err
	}
	if c.UseAdaptiveRxCoalesce != 0 {
		return "on", nil
	}
	return "off", nil
}

func writeAdaptive(e driver, name, want string) error {
	c, err := e.GetCoalesce(name)
	if err != nil {
		return err
	}
	c.UseAdaptiveRxCoalesce = 0
	if want == "on" {
		c.UseAdaptiveRxCoalesce = 1
	}
	_, err = e.SetCoalesce(name, c)
	return err
}

func readUsecs(e driver, name string) (string, error) {
	c, err := e.GetCoalesce(name)
	if err != nil {
		return "", err
	}
	return strconv.Itoa(int(c.RxCoalesceUsecs)), nil
}

func writeUsecs(e driver, name, want string) error {
	n, err := strconv.ParseUint(want, 10, 32)
	if err != nil {
		return fmt.Errorf("rx-usecs %q: want a number of microseconds", want)
	}
	c, err := e.GetCoalesce(name)
	if err != nil {
		return err
	}
	c.RxCoalesceUsecs = uint32(n)
	_, err = e.SetCoalesce(name, c)
	return err
}
