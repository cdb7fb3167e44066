package pid1

import (
	"bufio"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// loading is a kernel that notes what it is given, in order.
type loading struct {
	mu    sync.Mutex
	order []string
	hold  map[string]chan struct{} // modules whose loading lasts until then
}

func (l *loading) insert(name string) error {
	if ch := l.hold[name]; ch != nil {
		<-ch
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order = append(l.order, name)
	if name == "broken" {
		return errors.New("no such symbol")
	}
	return nil
}

func readList(t *testing.T, list string, l *loading) *modules {
	t.Helper()
	m := newModules()
	m.insert = l.insert
	if err := m.read(bufio.NewScanner(strings.NewReader(list))); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModulesAreLoadedOnceAndBehindWhatTheyNeed(t *testing.T) {
	l := &loading{}
	m := readList(t, "have virtio\nhave failover\nhave virtio_net virtio failover\nload tls\nload broken\n", l)
	m.loadAll(m.always)
	<-m.load("virtio_net")
	<-m.load("virtio_net")
	<-m.load("tls")
	<-m.load("broken")
	slices.Sort(l.order[:slices.Index(l.order, "virtio_net")])
	if at := slices.Index(l.order, "virtio_net"); len(l.order) != 5 || !slices.Contains(l.order[:at], "virtio") || !slices.Contains(l.order[:at], "failover") {
		t.Errorf("loaded %q", l.order)
	}
	n, err := m.result()
	if n != 4 || err == nil || err.Error() != "broken: no such symbol" || !m.idle() {
		t.Errorf("%d modules loaded, %v", n, err)
	}
}

func TestModulesDoNotWaitForThoseTheyDoNotNeed(t *testing.T) {
	slow := make(chan struct{})
	l := &loading{hold: map[string]chan struct{}{"slow": slow}}
	m := readList(t, "load slow\nload fast\n", l)
	m.loadAll(m.always)
	<-m.load("fast")
	if m.idle() {
		t.Error("nothing is being loaded, while a module is")
	}
	close(slow)
	<-m.load("slow")
}

func TestACircleInTheModuleListIsCut(t *testing.T) {
	l := &loading{}
	m := readList(t, "load a b\nload b a\n", l)
	m.loadAll(m.always)
	<-m.load("a")
	<-m.load("b")
	if len(l.order) != 2 {
		t.Errorf("loaded %q", l.order)
	}
}

func TestTheLastModulesAreKeptForLast(t *testing.T) {
	m := readList(t, "have watchdog\nlast softdog watchdog\nload tls\n", &loading{})
	if !slices.Equal(m.always, []string{"tls"}) || !slices.Equal(m.last, []string{"softdog"}) || !slices.Equal(m.needs["softdog"], []string{"watchdog"}) {
		t.Errorf("always %q, last %q, needs %v", m.always, m.last, m.needs)
	}
}

func TestADamagedModuleListIsRefused(t *testing.T) {
	if err := newModules().read(bufio.NewScanner(strings.NewReader("what is this\n"))); err == nil {
		t.Error("it was read")
	}
}

func TestDevicesFindTheirDrivers(t *testing.T) {
	a := aliases{}
	a.add("virtio:d00000001v*", "virtio_net")
	a.add("pci:v00008086d0000100Esv*sd*bc*sc*i*", "e1000")
	a.add("pci:v*d*sv*sd*bc01sc06i01*", "ahci")
	a.add("acpi*:PNP0C0C:*", "button")
	for device, want := range map[string][]string{
		"virtio:d00000001v00001AF4":                             {"virtio_net"},
		"pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00": {"e1000"},
		"pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01": {"ahci"},
		"acpi:PNP0C0C:":                {"button"},
		"acpi:LNXPWRBN:":               nil,
		"usb:v1D6Bp0002d0601dc09dsc00": nil,
		"":                             nil,
	} {
		if got := a.drivers(device); !slices.Equal(got, want) {
			t.Errorf("drivers of %q are %q, want %q", device, got, want)
		}
	}
}

func TestMessagesOfTheKernelNameNewDevices(t *testing.T) {
	for message, want := range map[string]string{
		"add@/devices/pci0000:00/0000:00:03.0/virtio0\x00ACTION=add\x00SUBSYSTEM=virtio\x00MODALIAS=virtio:d00000001v00001AF4\x00SEQNUM=7\x00": "virtio:d00000001v00001AF4",
		"add@/module/fat\x00ACTION=add\x00SUBSYSTEM=module\x00":                                                                                "",
		"remove@/devices/x\x00ACTION=remove\x00MODALIAS=usb:x\x00":                                                                             "",
		"libudev\x00\xfe\xed\xca\xfe": "",
		"":                            "",
	} {
		if got := added([]byte(message)); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

// TestSettlingWaitsForModules runs on the kernel's own messages, whatever they
// are here.
func TestSettlingWaitsForModules(t *testing.T) {
	slow := make(chan struct{})
	l := &loading{hold: map[string]chan struct{}{"slow": slow}}
	m := readList(t, "load slow\n", l)
	d := newDevices(m)
	m.loadAll(m.always)
	settled := make(chan struct{})
	go func() {
		d.settle()
		close(settled)
	}()
	select {
	case <-settled:
		t.Error("settled while a module is being loaded")
	case <-time.After(5 * settleStep):
	}
	close(slow)
	select {
	case <-settled:
	case <-time.After(time.Minute):
		t.Fatal("not settled")
	}
}
