package cosocket

import (
	"weir/lua/api"
	"weir/lua/vm"
)

// Family is ngx.socket, ngx.req.socket and the methods of their objects.
var Family = api.Family{
	Name:  "ngx.socket",
	Doc:   "Sockets that wait without holding the worker.",
	State: api.NewState(&states, newState),
	Tables: []api.Table{
		{Path: "ngx.socket", Funcs: []api.Func{
			{Name: "tcp", In: api.Yieldable, Args: "()", Doc: "Makes a TCP or unix stream socket.", Run: newTCP},
			{Name: "stream", In: api.Yieldable, Args: "()", Doc: "Is ngx.socket.tcp.", Run: newTCP},
			{Name: "connect", In: api.Yieldable, Args: "(host, port, options?)", Doc: "Makes a TCP socket and connects it.", Run: dialTCP},
			{Name: "udp", In: api.Yieldable, Args: "()", Doc: "Makes a UDP or unix datagram socket.", Run: newUDP},
		}},
		{Path: "ngx.req", Funcs: []api.Func{
			{Name: "socket", In: api.Handlers, Args: "(raw?)", Doc: "Returns a socket that reads the request body, or with raw the client's connection itself.", Run: requestSocket},
		}},
		{Path: "tcpsock", Meta: metaTCP, Funcs: append(streamMethods(), []api.Func{
			{Name: "bind", In: api.Yieldable, Args: "(address, port?)", Doc: "Sets the address to connect from.", Run: bind},
			{Name: "connect", In: api.Yieldable, Args: "(host, port?, options?)", Doc: "Connects, or takes an idle connection from the pool.", Run: connect},
			{Name: "sslhandshake", In: api.Yieldable, Args: "(session?, name?, verify?, ocsp?)", Doc: "Begins TLS; on a connection that has it, only checks the certificate if asked to.", Run: sslHandshake},
			{Name: "getsslsession", In: api.Any, Args: "()", Doc: "Returns the TLS session, for sslhandshake.", Run: getSession},
			{Name: "settrustedstore", In: api.Any, Args: "(chain)", Doc: "Sets the certificates that the next sslhandshake trusts, made by ngx.ssl.parse_pem_cert; nil leaves it to the directives.", Run: setTrustedStore},
			{Name: "setclientcert", In: api.Any, Args: "(cert, key)", Doc: "Sets the certificate for servers that ask, made by ngx.ssl.parse_pem_cert and parse_pem_priv_key. Such connections resume no sessions.", Run: setClientCert},
			{Name: "send", In: api.Any, Args: "(data)", Doc: "Sends a string, a number or a nested list of them.", Run: send},
			{Name: "close", In: api.Any, Args: "()", Doc: "Closes the connection.", Run: closeTCP},
			{Name: "setkeepalive", In: api.Any, Args: "(timeout?, size?)", Doc: "Puts the connection into its pool.", Run: setKeepalive},
			{Name: "getreusedtimes", In: api.Any, Args: "()", Doc: "Returns how often the connection came out of a pool.", Run: getReusedTimes},
			{Name: "setoption", In: api.Any, Args: "(option, value)", Doc: "Sets an option of the connected socket.", Run: setOption},
			{Name: "getoption", In: api.Any, Args: "(option)", Doc: "Returns an option of the connected socket.", Run: getOption},
		}...)},
		{Path: "reqsock", Meta: metaBody, Funcs: streamMethods()},
		{Path: "rawreqsock", Meta: metaRaw, Funcs: append(streamMethods(),
			api.Func{Name: "send", In: api.Any, Args: "(data)", Doc: "Sends to the client.", Run: send})},
		{Path: "udpsock", Meta: metaUDP, Funcs: []api.Func{
			{Name: "bind", In: api.Yieldable, Args: "(address)", Doc: "Sets the address to send from.", Run: bindUDP},
			{Name: "setpeername", In: api.Yieldable, Args: "(host, port?)", Doc: "Sets the address datagrams go to.", Run: setPeerName},
			{Name: "send", In: api.Any, Args: "(data)", Doc: "Sends a datagram.", Run: sendUDP},
			{Name: "receive", In: api.Any, Args: "(size?)", Doc: "Returns the next datagram.", Run: receiveUDP},
			{Name: "close", In: api.Any, Args: "()", Doc: "Closes the socket.", Run: closeUDP},
			{Name: "settimeout", In: api.Any, Args: "(ms)", Doc: "Limits how long receive waits.", Run: setTimeoutUDP},
		}},
	},
	Open:   selfIndex,
	Retire: func(e *api.Env) { states.In(e).retire() },
	Close:  func(e *api.Env) { states.In(e).retire() },
}

// streamMethods are those of all stream sockets.
func streamMethods() []api.Func {
	return []api.Func{
		{Name: "receive", In: api.Any, Args: "(pattern_or_size?)", Doc: "Returns a line (*l), all there is (*a) or so many bytes.", Run: receive},
		{Name: "receiveany", In: api.Any, Args: "(max)", Doc: "Returns what there is, at most so many bytes.", Run: receiveAny},
		{Name: "receiveuntil", In: api.Any, Args: "(pattern, options?)", Doc: "Returns a function that reads up to a text.", Run: receiveUntil},
		{Name: "settimeout", In: api.Any, Args: "(ms)", Doc: "Limits how long each operation waits.", Run: setTimeout},
		{Name: "getfd", In: api.Any, Args: "()", Doc: "Returns the descriptor.", Run: getFD},
		{Name: "getsslpointer", In: api.Any, Args: "()", Doc: "Is not supported: there is no OpenSSL.", Run: noPointer},
		{Name: "getsslctx", In: api.Any, Args: "()", Doc: "Is not supported: there is no OpenSSL.", Run: noPointer},
		{Name: "settimeouts", In: api.Any, Args: "(connect, send, read)", Doc: "Limits how long operations wait.", Run: setTimeouts},
	}
}

// Metatables, by the names OpenResty's registry has them under.
const (
	metaTCP  = "__tcp_cosocket_mt"
	metaBody = "__tcp_req_cosocket_mt"
	metaRaw  = "__tcp_raw_req_cosocket_mt"
	metaUDP  = "__udp_cosocket_mt"
)

// selfIndex makes the metatables their own __index, as they are in OpenResty: libraries wrap methods there.
func selfIndex(e *api.Env) {
	for _, name := range []string{metaTCP, metaBody, metaRaw, metaUDP} {
		mt := e.VM.NewMetatable(name)
		methods := mt.GetString("__index").AsTable()
		for pos := uint32(0); ; {
			k, f, next, ok := methods.Iter(pos)
			if !ok {
				break
			}
			mt.Set(k, f)
			pos = next
		}
		mt.SetString("__index", mt.Value())
	}
}

var states api.Slot[state]

// state is what a VM has of sockets.
type state struct {
	env   *api.Env
	pools map[string]*pool
	// retired says that no request will begin in the VM any more: connections are not kept.
	retired bool
}

func newState(e *api.Env) *state { return &state{env: e, pools: make(map[string]*pool)} }

// retire closes the idle connections.
func (st *state) retire() {
	st.retired = true
	for _, p := range st.pools {
		p.closeIdle()
	}
}

// object makes the Lua object of a socket.
func (st *state) object(l *vm.State, s any, meta string) int {
	v := st.env.VM
	t := v.NewTable(2, 0)
	t.SetInt(1, v.NewUserdata(s, nil).Value())
	t.SetMetatable(v, v.NewMetatable(meta))
	return l.Ret(t.Value())
}

// closed is the answer of functions of a socket without a connection.
func closed(l *vm.State) int { return api.Fail(l, "closed") }

// done returns 1 to Lua.
func done(l *vm.State) int { return l.Ret(vm.Int(1)) }
