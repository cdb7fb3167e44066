package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cloudFile is an entry of write_files.
type cloudFile struct {
	Path    string `yaml:"path"`
	Content string `yaml:"content"`
}

// userData is what is taken of cloud-init's user-data; a machine without
// shell and packages has no use for the rest.
type userData struct {
	Hostname string      `yaml:"hostname"`
	FQDN     string      `yaml:"fqdn"`
	Files    []cloudFile `yaml:"write_files"`
	NTP      struct {
		Servers []string `yaml:"servers"`
	} `yaml:"ntp"`
}

// networkData is network-config, version 1 excepted.
type networkData struct {
	Version   int `yaml:"version"`
	Ethernets map[string]struct {
		DHCP4     bool     `yaml:"dhcp4"`
		Addresses []string `yaml:"addresses"`
		Gateway4  string   `yaml:"gateway4"`
		Gateway6  string   `yaml:"gateway6"`
		Routes    []struct {
			To  string `yaml:"to"`
			Via string `yaml:"via"`
		} `yaml:"routes"`
		Nameservers struct {
			Addresses []string `yaml:"addresses"`
		} `yaml:"nameservers"`
	} `yaml:"ethernets"`
}

// cloud reads cloud-init's NoCloud files into c and returns the files to
// write. What machine.yaml says stands.
func cloud(dir string, c *config) ([]cloudFile, error) {
	var user userData
	var meta struct {
		Hostname string `yaml:"local-hostname"`
	}
	var net networkData
	for _, f := range []struct {
		name string
		into any
	}{{"user-data", &user}, {"meta-data", &meta}, {"network-config", &net}} {
		text, err := os.ReadFile(filepath.Join(dir, f.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if f.name == "user-data" && !strings.HasPrefix(string(text), "#cloud-config") {
			return nil, errors.New("user-data does not begin with #cloud-config: scripts are not run")
		}
		if err := yaml.Unmarshal(text, f.into); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	for _, name := range []string{user.Hostname, user.FQDN, meta.Hostname} {
		if c.Hostname == "" {
			c.Hostname = name
		}
	}
	if len(c.NTP) == 0 {
		c.NTP = user.NTP.Servers
	}
	if net.Version == 1 {
		return nil, errors.New("network-config: version 1 is not read, version 2 is")
	}
	for name, e := range net.Ethernets {
		i := &iface{DHCP: e.DHCP4, Addresses: e.Addresses, Gateway4: e.Gateway4, Gateway6: e.Gateway6}
		for _, r := range e.Routes {
			switch {
			case r.To != "default" && r.To != "0.0.0.0/0" && r.To != "::/0":
				return nil, fmt.Errorf("network-config: route to %s: only default routes are set", r.To)
			case strings.Contains(r.Via, ":"):
				i.Gateway6 = r.Via
			default:
				i.Gateway4 = r.Via
			}
		}
		c.DNS = append(c.DNS, e.Nameservers.Addresses...)
		if c.Network == nil {
			c.Network = map[string]*iface{}
		}
		if c.Network[name] == nil {
			c.Network[name] = i
		}
	}
	return user.Files, nil
}
