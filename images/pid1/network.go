package pid1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// network brings interfaces up. Each has a goroutine that lasts as long as the
// machine: it waits for the carrier and keeps the lease.
type network struct {
	mu       sync.Mutex
	dns, ntp []string     // in the order they were learned
	kept     map[int]bool // interfaces that have their goroutine, by index
}

// carrierStep is how often an interface without carrier is looked at: there is
// no hurry beyond the start.
const carrierStep = 20 * time.Millisecond

// start configures all interfaces, those that come later too. It returns at
// once; addresses come when the carriers do.
func (n *network) start(c *config, con *console) {
	if lo, err := netlink.LinkByName("lo"); err == nil {
		_ = netlink.LinkSetUp(lo)
	}
	n.learn(c.DNS...)
	n.kept = map[int]bool{}
	come := make(chan netlink.LinkUpdate, 16)
	if err := netlink.LinkSubscribe(come, nil); err != nil { // first, so that none comes unseen
		con.log("network: %v", err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		con.log("network: %v", err)
	}
	for _, l := range links {
		n.add(l, c, con)
	}
	go func() { // lasts as long as the machine
		for u := range come {
			if u.Header.Type == unix.RTM_NEWLINK {
				n.add(u.Link, c, con)
			}
		}
	}()
}

// add configures one interface, unless it is known.
func (n *network) add(l netlink.Link, c *config, con *console) {
	name, index := l.Attrs().Name, l.Attrs().Index
	n.mu.Lock()
	known := n.kept[index]
	n.kept[index] = true
	n.mu.Unlock()
	if known || l.Type() != "device" || name == "lo" {
		return
	}
	how := c.Network[name]
	if how == nil {
		how = &iface{DHCP: true}
	}
	if err := netlink.LinkSetUp(l); err != nil {
		con.log("%s: %v", name, err)
		return
	}
	go n.keep(l, how, con)
}

// keep gives one interface its addresses and renews its lease.
func (n *network) keep(l netlink.Link, how *iface, con *console) {
	name := l.Attrs().Name
	con.set(name, "no carrier")
	for !running(name) { // a DISCOVER without carrier is lost, and the next comes seconds later
		time.Sleep(carrierStep)
	}
	if err := fixed(l, how); err != nil {
		con.log("%s: %v", name, err)
	}
	if len(how.Addresses) > 0 {
		con.set(name, strings.Join(how.Addresses, " "))
	}
	for how.DHCP {
		pause, err := n.lease(l, con)
		if err != nil {
			con.log("%s: dhcp: %v", name, err)
			pause = 5 * time.Second
		}
		time.Sleep(pause)
	}
}

// running reports whether an interface has a carrier.
func running(name string) bool {
	l, err := netlink.LinkByName(name)
	return err == nil && l.Attrs().RawFlags&unix.IFF_RUNNING != 0
}

// fixed sets the addresses and routes that the configuration gives.
func fixed(l netlink.Link, how *iface) error {
	var wrong []error
	for _, a := range how.Addresses {
		addr, err := netlink.ParseAddr(a)
		if err == nil {
			err = netlink.AddrReplace(l, addr)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("address %s: %w", a, err))
		}
	}
	for _, g := range []string{how.Gateway4, how.Gateway6} {
		if g != "" {
			wrong = append(wrong, gateway(l, net.ParseIP(g)))
		}
	}
	return errors.Join(wrong...)
}

// firstMetric is below that of routes that routers announce.
const firstMetric = 512

// gateway makes a default route.
func gateway(l netlink.Link, via net.IP) error {
	// Each interface has its own; the first one's is preferred.
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Gw: via, Priority: firstMetric + l.Attrs().Index}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("default route by %s: %w", via, err)
	}
	return nil
}

// lease asks for an address and applies it. It returns when to ask again: half
// of the lease's time (RFC 2131, section 4.4.5).
func (n *network) lease(l netlink.Link, con *console) (time.Duration, error) {
	name := l.Attrs().Name
	client, err := nclient4.New(name, nclient4.WithTimeout(2*time.Second), nclient4.WithRetry(3))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	lease, err := client.Request(ctx)
	if err != nil {
		return 0, err
	}
	ack := lease.ACK
	mask := ack.SubnetMask()
	if mask == nil {
		mask = ack.YourIPAddr.DefaultMask()
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: ack.YourIPAddr, Mask: mask}}
	if err := n.replace(l, addr); err != nil {
		return 0, err
	}
	text := addr.IPNet.String() + " by dhcp"
	if routers := ack.Router(); len(routers) > 0 {
		if err := gateway(l, routers[0]); err != nil {
			return 0, err
		}
		text += ", gateway " + routers[0].String()
	}
	for _, d := range ack.DNS() {
		n.learn(d.String())
	}
	n.clocks(ack.NTPServers())
	con.set(name, text)
	return renewal(ack), nil
}

// replace gives the interface the leased address in the place of an older one.
func (n *network) replace(l netlink.Link, addr *netlink.Addr) error {
	have, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	if err := netlink.AddrReplace(l, addr); err != nil {
		return err
	}
	for i := range have {
		if have[i].Label == l.Attrs().Name && !have[i].IP.Equal(addr.IP) && have[i].Flags&unix.IFA_F_PERMANENT == 0 {
			_ = netlink.AddrDel(l, &have[i])
		}
	}
	return nil
}

func renewal(ack *dhcpv4.DHCPv4) time.Duration {
	t := ack.IPAddressLeaseTime(time.Hour) / 2
	return min(max(t, 10*time.Second), 24*time.Hour)
}

// learn adds name servers and writes resolv.conf.
func (n *network) learn(servers ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range servers {
		if !slices.Contains(n.dns, s) {
			n.dns = append(n.dns, s)
		}
	}
	var b strings.Builder
	for _, s := range n.dns {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	_ = os.WriteFile("/etc/resolv.conf", []byte(b.String()), 0o644)
}

// clocks notes NTP servers of a lease.
func (n *network) clocks(servers []net.IP) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, ip := range servers {
		if s := ip.String(); !slices.Contains(n.ntp, s) {
			n.ntp = append(n.ntp, s)
		}
	}
}

// clock returns the NTP servers that leases have named.
func (n *network) clock() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ntp)
}

// hostname names the machine; without a name it is called weir.
func hostname(name string) {
	if name == "" {
		name = "weir"
	}
	_ = unix.Sethostname([]byte(name))
	_ = os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644)
	_ = os.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost "+name+"\n::1 localhost "+name+"\n"), 0o644)
}
