package tls

import (
	"slices"
	"weir/appliance/http/certfile"
	"weir/lua/api"
	"weir/lua/vm"
)

var helloFuncs = []api.Func{
	{Name: "get_client_hello_server_name", In: api.SSLClientHello, Args: "()", Doc: "Returns the server name of the hello, nil when it has none.", Run: helloServerName},
	{Name: "get_client_hello_ext", In: api.SSLClientHello, Args: "(type)", Doc: "Returns the content of an extension of the hello.", Run: helloExt},
	{Name: "get_client_hello_ext_present", In: api.SSLClientHello, Args: "()", Doc: "Returns the types of the hello's extensions in their order, without GREASE.", Run: helloExtPresent},
	{Name: "get_client_hello_ciphers", In: api.SSLClientHello, Args: "()", Doc: "Returns the cipher suites of the hello in their order, without GREASE.", Run: helloCiphers},
	{Name: "get_supported_versions", In: api.SSLClientHello, Args: "()", Doc: "Returns the names of the versions that the extension supported_versions lists, oldest first as a rule.", Run: helloVersions},
	{Name: "set_protocols", In: api.SSLClientHello, Args: "(names)", Doc: "Limits the versions of TLS of the handshake to those of a list.", Run: setProtocols},
}

// grease tells the values that clients send to keep servers tolerant (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func helloServerName(l *vm.State) int {
	c, _ := here(l)
	switch name, ok := c.Hello().ServerName(); {
	case !ok:
		return api.Fail(l, "Bad SSL Client Hello Extension")
	case c.ServerName() != "": // the one inside, where the hello was encrypted
		return l.Ret(vm.String(c.ServerName()))
	case name == "":
		return l.Ret(vm.Nil)
	default:
		return l.Ret(vm.String(name))
	}
}

func helloExt(l *vm.State) int {
	c, _ := here(l)
	data, ok := c.Hello().Extension(uint16(l.CheckInt(1)))
	if !ok {
		return l.Ret(vm.Nil)
	}
	l.PushBytes(data)
	return 1
}

func helloExtPresent(l *vm.State) int {
	c, _ := here(l)
	var list []uint16
	for _, e := range c.Hello().Extensions {
		list = append(list, e.Type)
	}
	return retInts(l, slices.DeleteFunc(list, grease))
}

func helloCiphers(l *vm.State) int {
	c, _ := here(l)
	return retInts(l, slices.DeleteFunc(slices.Clone(c.Hello().Ciphers), grease))
}

const extSupportedVersions = 43

func helloVersions(l *vm.State) int {
	c, _ := here(l)
	data, ok := c.Hello().Extension(extSupportedVersions)
	if !ok || len(data) == 0 || int(data[0]) != len(data)-1 {
		return l.Ret(vm.Nil)
	}
	t := l.VM().NewTable(4, 0)
	n := 0
	for i := len(data) - 2; i >= 1; i -= 2 { // from the end, as OpenResty has them
		if name := nameOf(int(data[i])<<8 | int(data[i+1])); name != "" {
			n++
			t.SetInt(n, vm.String(name))
		}
	}
	return l.Ret(t.Value())
}

func setProtocols(l *vm.State) int {
	list := l.CheckTable(1)
	var set certfile.Protocols
	for i := 1; ; i++ {
		v := list.GetInt(i)
		if v.IsNil() {
			break
		}
		known := false
		name, _ := v.AsString()
		for _, p := range certfile.ProtocolNames {
			if p.Name == name {
				set |= p.Value
				known = true
			}
		}
		if !known {
			return api.Fail(l, "invalid protocols failed")
		}
	}
	c, _ := here(l)
	c.SetProtocols(set)
	return l.Ret(vm.True)
}
