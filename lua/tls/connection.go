package tls

import (
	"weir/appliance/http/ssl"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/sock"
	"weir/netio/tlsio"
)

// inConnection are the phases of a client's connection: its handshake and its requests.
const inConnection = api.Any

var connectionFuncs = []api.Func{
	{Name: "server_name", In: inConnection, Args: "()", Doc: "Returns the server name that the client asked for in the handshake.", Run: serverName},
	{Name: "server_port", In: inConnection, Args: "()", Doc: "Returns the port that the client connected to.", Run: serverPort},
	{Name: "raw_server_addr", In: inConnection, Args: "()", Doc: "Returns the address that the client connected to as bytes, and inet, inet6 or unix.", Run: func(l *vm.State) int { return rawAddr(l, true) }},
	{Name: "raw_client_addr", In: inConnection, Args: "()", Doc: "Returns the client's address as bytes, and inet, inet6 or unix.", Run: func(l *vm.State) int { return rawAddr(l, false) }},
	{Name: "get_tls1_version", In: inConnection, Args: "()", Doc: "Returns the version of TLS as a number.", Run: func(l *vm.State) int {
		v, why := version(l)
		if why != "" {
			return api.Fail(l, why)
		}
		return l.Ret(vm.Int(v))
	}},
	{Name: "get_tls1_version_str", In: inConnection, Args: "()", Doc: "Returns the version of TLS: TLSv1.2 or TLSv1.3.", Run: versionName},
	{Name: "get_client_random", In: inConnection, Args: "(length?)", Doc: "Returns the random of the client's hello, or with length 0 how long it is. Servers without scripts for handshakes do not keep it.", Run: clientRandom},
	{Name: "get_server_random", In: inConnection, Args: "(length?)", Doc: "Returns the random of the server's hello when the handshake is over, or with length 0 how long it is. Servers without scripts for handshakes do not keep it.", Run: serverRandom},
	{Name: "export_keying_material", In: inConnection, Args: "(length, label, context?)", Doc: "Returns bytes that only both ends of the connection know (RFC 5705), when the handshake is over. Servers without scripts for handshakes do not keep what it takes.", Run: exportMaterial},
	{Name: "export_keying_material_early", In: inConnection, Args: "(length, label, context?)", Doc: "Fails: there is no early data.", Run: func(l *vm.State) int { return api.Fail(l, "SSL_export_keying_material_early() failed") }},
	{Name: "get_req_shared_ssl_ciphers", In: api.SSL, Args: "(filter_grease?)", Doc: "Returns the cipher suites that both sides have, in this side's order.", Run: sharedCiphers},
	{Name: "get_req_ssl_pointer", In: inConnection, Args: "()", Doc: "Returns an object that stands for the connection's TLS.", Run: pointer},
	{Name: "ssl_session_reused", In: inConnection, Args: "(ssl)", Doc: "Tells whether the handshake of get_req_ssl_pointer's connection resumed a session.", Run: sessionReused},
}

func serverName(l *vm.State) int {
	c, client := here(l)
	if c == nil {
		return api.Fail(l, badRequest)
	}
	name := c.ServerName()
	if t := client.TLS(); t != nil {
		name = t.Info.ServerName
	}
	if name == "" {
		return l.Ret(vm.Nil)
	}
	return l.Ret(vm.String(name))
}

func serverPort(l *vm.State) int {
	c, client := here(l)
	if c == nil {
		return api.Fail(l, badRequest)
	}
	a := client.Local()
	if a.Family() == sock.Unix {
		return api.Fail(l, "unix domain has no port")
	}
	return l.Ret(vm.Int(int(a.Port())))
}

func rawAddr(l *vm.State, local bool) int {
	c, client := here(l)
	if c == nil {
		l.Push(vm.Nil)
		return 1 + api.Fail(l, badRequest)
	}
	a := client.Remote()
	if local {
		a = client.Local()
	}
	if a.Family() == sock.Unix {
		l.PushString(a.Path())
		l.PushString("unix")
		return 2
	}
	ip := a.IP()
	l.PushBytes(ip.AsSlice())
	if ip.Is4() {
		l.PushString("inet")
	} else {
		l.PushString("inet6")
	}
	return 2
}

// version is the connection's version of TLS.
func version(l *vm.State) (v int, why string) {
	c, client := here(l)
	if c == nil {
		return 0, badRequest
	}
	if t := client.TLS(); t != nil {
		return int(t.Info.Version), ""
	}
	return int(c.Version()), ""
}

func versionName(l *vm.State) int {
	v, why := version(l)
	if why != "" {
		return api.Fail(l, why)
	}
	return RetVersion(l, v)
}

// notKept is why there is nothing to tell of a handshake.
const notKept = "the server has no scripts for handshakes"

func clientRandom(l *vm.State) int {
	c, _ := here(l)
	if c == nil {
		return api.Fail(l, badRequest)
	}
	random := c.Random()
	if random == nil {
		return api.Fail(l, notKept)
	}
	return retRandom(l, random)
}

// retRandom returns as much of a random as the first argument says.
func retRandom(l *vm.State, random []byte) int {
	n := len(random)
	if !l.Arg(1).IsNil() {
		n = l.CheckInt(1)
	}
	if n == 0 {
		return l.Ret(vm.Int(len(random)))
	}
	l.PushBytes(random[:max(min(n, len(random)), 0)])
	return 1
}

// exporter is what the connection has kept of its handshake.
func exporter(l *vm.State) (x *tlsio.Exporter, why string) {
	c, client := here(l)
	if c == nil {
		return nil, badRequest
	}
	t := client.TLS()
	switch {
	case t == nil:
		return nil, "the handshake is not over"
	case t.Exporter == nil:
		return nil, notKept
	}
	return t.Exporter, ""
}

func serverRandom(l *vm.State) int {
	x, why := exporter(l)
	if x == nil {
		return api.Fail(l, why)
	}
	return retRandom(l, x.ServerRandom[:])
}

// maxMaterial is more than anybody binds anything to.
const maxMaterial = 64 << 10

func exportMaterial(l *vm.State) int {
	n, label := l.CheckInt(1), l.CheckString(2)
	var context []byte
	if l.Arg(3).Truthy() {
		context = []byte(l.CheckString(3)) // not nil if it is empty
	}
	if n < 0 || n > maxMaterial {
		l.ArgError(1, "out of range")
	}
	x, why := exporter(l)
	if x == nil {
		return api.Fail(l, why)
	}
	b, err := x.Material(label, context, n)
	if err != nil {
		return api.Fail(l, "SSL_export_keying_material() failed")
	}
	l.PushBytes(b)
	return 1
}

func sharedCiphers(l *vm.State) int {
	c, _ := here(l)
	if c == nil {
		return api.Fail(l, badRequest)
	}
	return retInts(l, c.SharedCiphers())
}

func retInts(l *vm.State, list []uint16) int {
	t := l.VM().NewTable(len(list), 0)
	for i, v := range list {
		t.SetInt(i+1, vm.Int(int(v)))
	}
	return l.Ret(t.Value())
}

func pointer(l *vm.State) int {
	c, _ := here(l)
	if c == nil {
		return api.Fail(l, badRequest)
	}
	return retCdata(l, c)
}

func sessionReused(l *vm.State) int {
	c, ok := api.Held[*ssl.Connection](l.Arg(1))
	if !ok {
		return api.Fail(l, "bad ssl")
	}
	return l.Ret(vm.Bool(c.Resumed()))
}
