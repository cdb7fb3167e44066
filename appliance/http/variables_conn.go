package http

import (
	"os"

	"weir/netio/sock"
)

// address stores an address without its port.
func (r *Request) address(v *Value, a sock.Addr) {
	v.Is(r.arena.Keep(a.AppendIP(r.arena.Scratch(addrRoom))))
}

// addrRoom is enough for every address, a unix socket's path included.
const addrRoom = 128

func varRemoteAddr(r *Request, v *Value, _ *Variable) {
	v.Is(r.arena.Keep(r.c.AppendRemoteIP(r.arena.Scratch(addrRoom))))
}

func varRemotePort(r *Request, v *Value, _ *Variable) { r.port(v, r.c.Remote().Port()) }

func varBinaryRemoteAddr(r *Request, v *Value, _ *Variable) {
	v.Is(r.arena.Keep(r.c.Remote().AppendBinary(r.arena.Scratch(addrRoom))))
}

func varServerAddr(r *Request, v *Value, _ *Variable) { r.address(v, r.c.Local()) }
func varServerPort(r *Request, v *Value, _ *Variable) { r.port(v, r.c.Local().Port()) }

func varConnection(r *Request, v *Value, _ *Variable) { r.number(v, int64(r.c.Number())) }

func varConnectionRequests(r *Request, v *Value, _ *Variable) { r.number(v, int64(r.c.Requests())) }

func varConnectionTime(r *Request, v *Value, _ *Variable) {
	r.seconds(v, r.w.Loop.NowMS()-r.c.started)
}

func varPipe(r *Request, v *Value, _ *Variable) {
	if r.c.Pipelined() {
		v.Is(wordPiped)
		return
	}
	v.Is(wordDot)
}

// tcpField is a number of TCP_INFO that has a variable.
type tcpField uint8

const (
	tcpRTT tcpField = iota
	tcpRTTVar
	tcpSndCwnd
	tcpRcvSpace
)

// varTCPInfo asks the kernel; unix sockets have no answer.
func varTCPInfo(r *Request, v *Value, d *Variable) {
	ti := &r.w.tcpInfo
	if sock.TCPInfo(r.c.net.FD(), ti) != 0 {
		v.Missing()
		return
	}
	var n uint32
	switch d.Data.(tcpField) {
	case tcpRTT:
		n = ti.Rtt
	case tcpRTTVar:
		n = ti.Rttvar
	case tcpSndCwnd:
		n = ti.Snd_cwnd
	case tcpRcvSpace:
		n = ti.Rcv_space
	}
	r.number(v, int64(n))
}

func varMsec(r *Request, v *Value, _ *Variable) {
	sec, ms := r.w.Loop.Wall()
	r.seconds(v, sec*1000+int64(ms))
}

func varTimeISO(r *Request, v *Value, _ *Variable)   { v.Is(r.Copy(r.w.Loop.ISOTime())) }
func varTimeLocal(r *Request, v *Value, _ *Variable) { v.Is(r.Copy(r.w.Loop.LogTime())) }

func varHostname(r *Request, v *Value, _ *Variable) { v.Is(r.gen.core.hostname) }

var versionText = []byte(nginxVersion)

func varNginxVersion(_ *Request, v *Value, _ *Variable) { v.Is(versionText) }

func varPid(r *Request, v *Value, _ *Variable) { r.number(v, int64(os.Getpid())) }
