package pid1

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"

	"weir/tuning/machine"
	"weir/tuning/profile"
	"weir/tuning/tune"
)

// config is what the configuration disk says about the machine, kept on the
// data partition as machine.yaml. The server's own configuration is files.
type config struct {
	Hostname string            `yaml:"hostname"`
	Profile  string            `yaml:"profile"` // tuning profile; "" for what suits the machine, "off" for none
	NTP      []string          `yaml:"ntp"`     // servers; none: those of the leases, or the clock of the hardware
	DNS      []string          `yaml:"dns"`
	Network  map[string]*iface `yaml:"network"` // by interface; those not named use DHCP
}

// iface is how one interface gets its addresses.
type iface struct {
	DHCP      bool     `yaml:"dhcp"`
	Addresses []string `yaml:"addresses"` // with prefix length
	Gateway4  string   `yaml:"gateway4"`
	Gateway6  string   `yaml:"gateway6"`
}

//go:embed nginx.conf
var firstConf []byte

// machineFile is where config is kept.
const machineFile = dataDir + "/machine.yaml"

// maxConfig bounds a file of the configuration disk, in bytes.
const maxConfig = 16 << 20

// configure reads the configuration disk, if there is one, into the data
// partition, makes sure that the server has a configuration, and returns the
// machine's. A disk with faults changes nothing.
func (m *Machine) configure() *config {
	found, err := withMedia(m.readDisk)
	switch {
	case err != nil:
		m.console.log("configuration disk: %v", err)
		m.console.set("config", "the configuration disk was not used: "+err.Error())
	case found:
		unix.Sync() // what is served is kept, also when the power goes at once
		m.console.set("config", "from the configuration disk")
	}
	if err := firstConfiguration(); err != nil {
		m.console.log("configuration: %v", err)
	}
	c, err := readConfig(machineFile)
	if err != nil {
		m.console.log("%v", err)
		c = &config{}
	}
	return c
}

// firstConfiguration makes the directories that configurations take for granted
// and writes the built-in configuration where there is none.
func firstConfiguration() error {
	for _, dir := range []string{filepath.Join(prefix, "logs"), filepath.Join(prefix, "html")} {
		if err := makeDir(dir); err != nil {
			return err
		}
	}
	name := filepath.Join(prefix, confFile)
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	return put(name, firstConf)
}

// readConfig reads machine.yaml; none is an empty one.
func readConfig(name string) (*config, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &config{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseConfig(text)
}

func parseConfig(text []byte) (*config, error) {
	c := new(config)
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && err != io.EOF {
		return nil, fmt.Errorf("machine.yaml: %w", err)
	}
	return c, c.check()
}

// check holds everything that would otherwise fail at the next start.
func (c *config) check() error {
	var wrong []error
	if strings.Trim(c.Hostname, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != "" || len(c.Hostname) > 64 {
		wrong = append(wrong, fmt.Errorf("hostname %q: want letters, digits, dots and hyphens", c.Hostname))
	}
	if c.Profile != "" && c.Profile != "off" && !slices.Contains(profile.Names(), c.Profile) {
		wrong = append(wrong, fmt.Errorf("profile %q: want off or one of %s", c.Profile, strings.Join(profile.Names(), ", ")))
	}
	for _, s := range c.DNS {
		if _, err := netip.ParseAddr(s); err != nil {
			wrong = append(wrong, fmt.Errorf("dns %q: want an address", s))
		}
	}
	for name, i := range c.Network {
		if i == nil {
			wrong = append(wrong, fmt.Errorf("network: %s has no settings", name))
			continue
		}
		for _, a := range i.Addresses {
			if _, err := netip.ParsePrefix(a); err != nil {
				wrong = append(wrong, fmt.Errorf("network: %s: address %q: want one with a prefix length, as 192.0.2.7/24", name, a))
			}
		}
		for _, g := range []string{i.Gateway4, i.Gateway6} {
			if _, err := netip.ParseAddr(g); g != "" && err != nil {
				wrong = append(wrong, fmt.Errorf("network: %s: gateway %q: want an address", name, g))
			}
		}
	}
	return errors.Join(wrong...)
}

// profile returns the tuning profile, "" for none.
func (c *config) profile() string {
	switch c.Profile {
	case "off":
		return ""
	case "":
		if m, err := machine.Look(machine.System); err == nil {
			return tune.Suggest(m)
		}
		return "default"
	}
	return c.Profile
}

// readDisk takes over what a configuration disk holds:
//
//	machine.yaml                 the machine (type config)
//	weir/...                     files for the server, nginx.conf among them
//	user-data, meta-data, network-config   cloud-init's NoCloud
func (m *Machine) readDisk(dir string) error {
	c, err := readConfig(filepath.Join(dir, "machine.yaml"))
	if err != nil {
		return err
	}
	files, err := cloud(dir, c)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(machineFile, text, 0o600); err != nil {
		return err
	}
	for _, f := range files {
		if err := put(f.Path, []byte(f.Content)); err != nil {
			return err
		}
	}
	return copyTree(filepath.Join(dir, "weir"), prefix)
}

// serverGroup is the group of the user nobody, as which the server runs unless
// its configuration says otherwise.
const serverGroup = 65534

// put writes a file below the data partition and nowhere else. The server may
// read it. (FAT has no owners: how it is mounted decides there.)
func put(name string, data []byte) error {
	name = filepath.Clean(name)
	if !strings.HasPrefix(name, dataDir+"/") {
		return fmt.Errorf("%s does not lie below %s", name, dataDir)
	}
	if err := makeDir(filepath.Dir(name)); err != nil {
		return err
	}
	if err := os.WriteFile(name, data, 0o640); err != nil {
		return err
	}
	_ = os.Chown(name, 0, serverGroup)
	return nil
}

// makeDir makes a directory below the data partition, and those above it, which
// the server may read.
func makeDir(dir string) error {
	if dir == dataDir {
		return nil
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	err := os.Mkdir(dir, 0o750)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = os.Chown(dir, 0, serverGroup)
	return nil
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == from {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		if i.Size() > maxConfig {
			return fmt.Errorf("%s is larger than %d bytes", name, maxConfig)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return put(filepath.Join(to, strings.TrimPrefix(name, from)), data)
	})
}
