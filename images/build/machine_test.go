package main

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/images/fat"
)

const machineConf = `user nobody;
events {}
http {
    server {
        listen 80;
        listen [::]:80;
        location / { return 200 guest; }
        location = /machine {
            content_by_lua_block {
                for _, name in ipairs{"/proc/sys/kernel/hostname", "/proc/net/if_inet6", "/etc/resolv.conf", "/proc/net/route"} do
                    local f = assert(io.open(name))
                    ngx.say(name, "\n", f:read("*a"))
                    f:close()
                end
            }
        }
    }
}
`

// monitor sends a command to QEMU.
func monitor(t *testing.T, socket, command string) {
	t.Helper()
	c, err := net.DialTimeout("unix", socket, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	prompt := func() {
		t.Helper()
		for seen := ""; !strings.HasSuffix(seen, "(qemu) "); {
			b := make([]byte, 4096)
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("%s: %v behind %q", command, err, seen)
			}
			seen += string(b[:n])
		}
	}
	prompt()
	if _, err := io.WriteString(c, command+"\n"); err != nil {
		t.Fatal(err)
	}
	prompt()
}

// TestAMachineIsSetUpFromOutside gives a guest its name, addresses and
// configuration by cloud-init's files, has it use the hardware's watchdog and a
// network card that comes later, and presses its power button.
func TestAMachineIsSetUpFromOutside(t *testing.T) {
	needAll(t)
	socket := filepath.Join(t.TempDir(), "monitor")
	var user strings.Builder
	user.WriteString("#cloud-config\nwrite_files:\n  - path: /data/weir/nginx.conf\n    content: |\n")
	for line := range strings.Lines(machineConf) {
		user.WriteString("      " + line)
	}
	args := append(directly(t), labelled(t, "CIDATA",
		fat.File{Name: "meta-data", Data: []byte("instance-id: i-1\nlocal-hostname: from-cloud\n")},
		fat.File{Name: "user-data", Data: []byte(user.String())},
		fat.File{Name: "network-config", Data: []byte("version: 2\nethernets:\n  eth0:\n    addresses: [10.0.2.15/24, 'fec0::15/64']\n" +
			"    gateway4: 10.0.2.2\n    gateway6: fec0::2\n    nameservers: {addresses: [10.0.2.3]}\n")})...)
	g := boot(t, append(args, "-device", "i6300esb", "-monitor", "unix:"+socket+",server=on,wait=off")...)
	g.serves("guest")
	g.says("watchdog  i6300ESB timer")
	got := g.get("/machine")
	for what, want := range map[string]string{
		"host name": "from-cloud\n", "IPv6 address": "fec00000000000000000000000000015", "name server": "nameserver 10.0.2.3\n",
		"default route": "eth0\t00000000\t0202000A\t",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s %q in\n%s", what, want, got)
		}
	}
	if strings.Contains(g.log(), "by dhcp") {
		t.Error("the interface with fixed addresses asked for a lease")
	}
	monitor(t, socket, "netdev_add user,id=late,net=10.0.3.0/24")
	monitor(t, socket, "device_add virtio-net-pci,netdev=late")
	g.says("10.0.3.15/24 by dhcp")
	if !strings.Contains(g.get("/machine"), "eth0\t00000000\t0202000A\t") {
		t.Error("the card that came later took the default route")
	}
	monitor(t, socket, "system_powerdown")
	select {
	case <-g.ended:
	case <-time.After(bootTime):
		t.Fatalf("the power button did nothing\n%s", tail(g.log()))
	}
	if log := g.log(); !strings.Contains(log, "poweroff (power button)") {
		t.Errorf("ended by something else:\n%s", tail(log))
	}
}
