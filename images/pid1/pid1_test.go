package pid1

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOptionsOfTheKernelsCommandLine(t *testing.T) {
	if o := parseOptions("console=ttyS0 quiet weir.diskless weir.wait=3s"); !o.diskless || o.wait != 3*time.Second {
		t.Errorf("got %+v", o)
	}
	if o := parseOptions("weir.wait=1h weir.wait=x"); o.diskless || o.wait != 10*time.Second {
		t.Errorf("got %+v, want the defaults", o)
	}
}

func TestMachineConfigurationsAreChecked(t *testing.T) {
	c, err := parseConfig([]byte("hostname: edge-1\nprofile: edge-latency\nntp: [192.0.2.1]\ndns: ['2001:db8::1']\n" +
		"network:\n  eth0: {addresses: [192.0.2.7/24], gateway4: 192.0.2.1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Hostname != "edge-1" || c.profile() != "edge-latency" || c.Network["eth0"].Gateway4 != "192.0.2.1" || c.Network["eth0"].DHCP {
		t.Errorf("got %+v", c)
	}
	if c, err := parseConfig(nil); err != nil || c.profile() == "" {
		t.Errorf("an empty file: %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"hostname: a b":                               `hostname "a b"`,
		"profile: fastest":                            "want off or one of api-gateway",
		"dns: [dns.example]":                          `dns "dns.example": want an address`,
		"network: {eth0: }":                           "eth0 has no settings",
		"network: {eth0: {addresses: [192.0.2.7]}}":   "want one with a prefix length",
		"network: {eth0: {gateway4: router}}":         `gateway "router"`,
		"colour: blue":                                "field colour not found",
		"network: {eth0: {adresses: [192.0.2.7/24]}}": "field adresses not found",
	} {
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCloudInitFilesAreUnderstood(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"meta-data": "instance-id: i-1\nlocal-hostname: from-meta\n",
		"user-data": "#cloud-config\nwrite_files:\n  - path: /data/weir/nginx.conf\n    content: |\n      events {}\nntp: {servers: [192.0.2.9]}\npackages: [vim]\n",
		"network-config": "version: 2\nethernets:\n  eth0:\n    addresses: [192.0.2.7/24]\n    routes: [{to: default, via: 192.0.2.1}, {to: '::/0', via: 'fe80::1'}]\n" +
			"    nameservers: {addresses: [192.0.2.53]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &config{}
	files, err := cloud(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Content != "events {}\n" {
		t.Errorf("files are %+v", files)
	}
	e := c.Network["eth0"]
	if c.Hostname != "from-meta" || !slices.Equal(c.NTP, []string{"192.0.2.9"}) || !slices.Equal(c.DNS, []string{"192.0.2.53"}) ||
		e == nil || e.DHCP || e.Gateway4 != "192.0.2.1" || e.Gateway6 != "fe80::1" {
		t.Errorf("got %+v, %+v", c, e)
	}
	for name, text := range map[string]string{
		"user-data":      "#!/bin/sh\nreboot\n",
		"network-config": "version: 1\n",
		"meta-data":      "a: [",
	} {
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cloud(other, &config{}); err == nil {
			t.Errorf("%s %q was taken", name, text)
		}
	}
}

func TestFilesOfADiskStayOnTheDataPartition(t *testing.T) {
	for _, name := range []string{"/etc/passwd", "/data", "/data/../etc/x", "relative", "/database/x"} {
		if err := put(name, nil); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestFileSystemsAreKnownByTheirLabels(t *testing.T) {
	iso := make([]byte, 17*2048)
	copy(iso[16*2048:], "\x01CD001")
	copy(iso[16*2048+40:], "cidata                          ")
	fat := make([]byte, 512)
	fat[510], fat[511] = 0x55, 0xaa
	copy(fat[71:], "WEIR-CONF  FAT32   ")
	small := make([]byte, 512)
	small[510], small[511] = 0x55, 0xaa
	copy(small[43:], "CIDATA     FAT12   ")
	for _, c := range []struct {
		data        []byte
		kind, label string
	}{{iso, "iso9660", "cidata"}, {fat, "vfat", "WEIR-CONF"}, {small, "vfat", "CIDATA"}, {make([]byte, 100), "", ""}} {
		name := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(name, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if kind, label := probe(name); kind != c.kind || label != c.label {
			t.Errorf("got %q %q, want %q %q", kind, label, c.kind, c.label)
		}
	}
}

func TestThePowerButtonIsSeen(t *testing.T) {
	r, w := io.Pipe()
	power := make(chan string, 1)
	go buttons(r, power)
	event := func(kind, code uint16, value uint32) {
		b := make([]byte, inputEvent)
		binary.LittleEndian.PutUint16(b[16:], kind)
		binary.LittleEndian.PutUint16(b[18:], code)
		binary.LittleEndian.PutUint32(b[20:], value)
		if _, err := w.Write(b); err != nil {
			t.Error(err)
		}
	}
	event(evKey, 30, 1)       // the letter A
	event(evKey, keyPower, 0) // released
	event(evKey, keyPower, 1)
	if got := <-power; got != "poweroff: power button" {
		t.Errorf("got %q", got)
	}
	w.Close()
}

func TestHealthIsWhatTheStatusSocketSays(t *testing.T) {
	for _, c := range []struct{ answer, want, err string }{
		{"HTTP/1.0 200 OK\r\n\r\n" + `{"generation":2,"restarts":1,"listeners":[{"address":"0.0.0.0:80"}],"server":{}}`, "serving 0.0.0.0:80, generation 2, 1 restarts", ""},
		{"HTTP/1.0 200 OK\r\n\r\n" + `{"generation":2,"server":null}`, "", "no server process"},
		{"HTTP/1.0 200 OK\r\n\r\nwhat", "", "invalid character"},
		{"", "", "EOF"},
	} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if conn, err := l.Accept(); err == nil {
				b := make([]byte, 100)
				_, _ = conn.Read(b)
				_, _ = io.WriteString(conn, c.answer)
				conn.Close()
			}
		}()
		got, err := ask(path)
		l.Close()
		if got != c.want || (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %q, %v, want %q, %q", c.answer, got, err, c.want, c.err)
		}
	}
	if _, err := ask("/nonexistent/socket"); err == nil {
		t.Error("a socket that is not there answers")
	}
}
