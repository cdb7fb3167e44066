package tls

import (
	"weir/lua/api"
	"weir/lua/vm"
)

// versions are those of TLS, and of what came before, with the constants of ngx.ssl and ngx.proxyssl.
var versions = []struct {
	number         int
	name, constant string
}{
	{0x0002, "SSLv2", ""},
	{0x0300, "SSLv3", "SSL3_VERSION"},
	{0x0301, "TLSv1", "TLS1_VERSION"},
	{0x0302, "TLSv1.1", "TLS1_1_VERSION"},
	{0x0303, "TLSv1.2", "TLS1_2_VERSION"},
	{0x0304, "TLSv1.3", "TLS1_3_VERSION"},
}

// nameOf returns the name of a version, "" where it has none.
func nameOf(number int) string {
	for _, v := range versions {
		if v.number == number {
			return v.name
		}
	}
	return ""
}

// RetVersion returns the name of a version to Lua.
func RetVersion(l *vm.State, number int) int {
	name := nameOf(number)
	if name == "" {
		return api.Fail(l, "unknown version")
	}
	return l.Ret(vm.String(name))
}

// SetVersions puts the constants into a module.
func SetVersions(module *vm.Table) {
	for _, v := range versions {
		if v.constant != "" {
			module.SetString(v.constant, vm.Int(v.number))
		}
	}
}
