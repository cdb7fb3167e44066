package resty

import (
	"encoding/binary"
	"math/rand/v2"

	"weir/lua/api"
	"weir/lua/vm"
)

// Frames of WebSocket (RFC 6455): the module that lua-resty-websocket's server and client, which are Lua, are built
// on. Its original masks payloads in buffers of ffi.

var websocketFuncs = []api.Func{
	{Name: "recv_frame", In: api.Any, Args: "(socket, max_length, masked)", Run: recvFrame,
		Doc: "Receives a frame of a WebSocket; returns its payload, the type and, of a close frame, the code, or again where more fragments follow."},
	{Name: "build_frame", In: api.Any, Args: "(fin, opcode, length, payload, mask)", Run: buildFrame, Doc: "Returns the bytes of a frame."},
	{Name: "send_frame", In: api.Any, Args: "(socket, fin, opcode, payload, max_length, mask)", Run: sendFrame, Doc: "Sends a frame and returns its length."},
	{Name: "new_tab", In: api.Any, Args: "(narr, nrec)", Run: newTab, Doc: "Returns an empty table with room for so many elements and fields."},
}

// Opcodes of RFC 6455, section 11.8.
const (
	opClose   = 0x8
	opControl = 0x8 // bit of control frames

	maxControl = 125 // bytes of a control frame
)

// frameTypes are the names of the opcodes.
var frameTypes = map[byte]vm.Value{
	0x0: vm.String("continuation"), 0x1: vm.String("text"), 0x2: vm.String("binary"),
	0x8: vm.String("close"), 0x9: vm.String("ping"), 0xa: vm.String("pong"),
}

// frameHead is what stands before the masking key.
type frameHead struct {
	fin, masked bool
	opcode      byte
	length      int
}

func recvFrame(l *vm.State) int {
	h, why := recvHead(l)
	if why == "" && h.length > l.CheckInt(2) {
		why = "exceeding max payload len"
	}
	data := ""
	if rest := h.rest(); why == "" && rest > 0 {
		data, why = receive(l, rest, "masking-len and payload", "read")
	}
	if why == "" && h.opcode == opClose && h.length == 1 {
		why = "close frame with a body must carry a 2-byte status code"
	}
	if why != "" {
		l.Push(vm.Nil)
		return 1 + api.Fail(l, why)
	}
	payload := h.payload(l, data)
	if h.opcode == opClose {
		return pushClose(l, payload)
	}
	l.PushBytes(payload)
	l.VM().KeepBuf(payload)
	l.Push(frameTypes[h.opcode])
	if !h.fin {
		l.PushString("again")
	} else {
		l.Push(vm.Nil)
	}
	return 3
}

// pushClose returns reason and code of a close frame.
func pushClose(l *vm.State, payload []byte) int {
	reason, code := payload, vm.Nil
	if len(payload) >= 2 {
		reason, code = payload[2:], vm.Int(int(binary.BigEndian.Uint16(payload)))
	}
	l.PushBytes(reason)
	l.VM().KeepBuf(payload)
	l.Push(frameTypes[opClose])
	l.Push(code)
	return 3
}

// recvHead receives the head of a frame; why says what is wrong with it.
func recvHead(l *vm.State) (h frameHead, why string) {
	data, why := receive(l, 2, "the first 2 bytes", "receive")
	if why != "" {
		return h, why
	}
	first, second := data[0], data[1]
	h = frameHead{fin: first&0x80 != 0, opcode: first & 0xf, masked: second&0x80 != 0, length: int(second & 0x7f)}
	switch {
	case first&0x70 != 0:
		return h, "bad RSV1, RSV2, or RSV3 bits"
	case h.opcode > 0x2 && h.opcode < 0x8:
		return h, "reserved non-control frames"
	case h.opcode > 0xa:
		return h, "reserved control frames"
	case !h.masked && l.Arg(3).Truthy():
		return h, "frame unmasked"
	}
	switch h.length {
	case 126:
		if data, why = receive(l, 2, "the 2 byte payload length", "receive"); why == "" {
			h.length = int(data[0])<<8 | int(data[1])
		}
	case 127:
		if data, why = receive(l, 8, "the 8 byte payload length", "receive"); why == "" {
			n := binary.BigEndian.Uint64([]byte(data))
			if n >= 1<<31 {
				return h, "payload len too large"
			}
			h.length = int(n)
		}
	}
	switch {
	case why != "" || h.opcode&opControl == 0:
		return h, why
	case h.length > maxControl:
		return h, "too long payload for control frame"
	case !h.fin:
		return h, "fragmented control frame"
	}
	return h, ""
}

// rest is how many bytes stand behind the length.
func (h *frameHead) rest() int {
	if h.masked {
		return h.length + 4
	}
	return h.length
}

// payload takes the mask off, in a scratch buffer of the VM.
func (h *frameHead) payload(l *vm.State, data string) []byte {
	buf := l.VM().TakeBuf()
	if !h.masked {
		return append(buf, data...)
	}
	var key [4]byte
	copy(key[:], data)
	buf = append(buf, data[4:]...)
	mask(buf, key)
	return buf
}

// mask is the same operation both ways (RFC 6455, section 5.3).
func mask(b []byte, key [4]byte) {
	k := binary.LittleEndian.Uint32(key[:])
	kk := uint64(k) | uint64(k)<<32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^kk)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}

// receive has the socket, argument 1, receive n bytes. why begins with what failed.
func receive(l *vm.State, n int, what, verb string) (data, why string) {
	l.Push(l.GetField(l.Arg(1), "receive"))
	l.Push(l.Arg(1))
	l.PushInt(n)
	l.Call(2, 2)
	err, got := l.Pop1(), l.Pop1()
	if data, ok := got.AsString(); ok && len(data) == n {
		return data, ""
	}
	reason := "unknown"
	if s, ok := err.AsString(); ok {
		reason = s
	}
	return "", "failed to " + verb + " " + what + ": " + reason
}

func buildFrame(l *vm.State) int {
	payload, _ := l.ToString(l.Arg(4)).AsString()
	if n := l.CheckInt(3); n < len(payload) && n >= 0 {
		payload = payload[:n]
	}
	buf, ok := appendFrame(l.VM().TakeBuf(), l.Arg(1).Truthy(), byte(l.CheckInt(2)), payload, l.Arg(5).Truthy())
	defer l.VM().KeepBuf(buf)
	if !ok {
		return api.Fail(l, "payload too big")
	}
	l.PushBytes(buf)
	return 1
}

// appendFrame appends a frame; ok is false where the payload has more than 31 bits of length.
func appendFrame(b []byte, fin bool, opcode byte, payload string, masked bool) (frame []byte, ok bool) {
	var bits byte
	if fin {
		opcode |= 0x80
	}
	if masked {
		bits = 0x80
	}
	switch n := len(payload); {
	case n <= maxControl:
		b = append(b, opcode, bits|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, opcode, bits|126), uint16(n))
	case n < 1<<31:
		b = binary.BigEndian.AppendUint64(append(b, opcode, bits|127), uint64(n))
	default:
		return b, false
	}
	if !masked {
		return append(b, payload...), true
	}
	var key [4]byte
	binary.LittleEndian.PutUint32(key[:], rand.Uint32()) // ChaCha8, seeded by the kernel: section 10.3 asks for no less
	b = append(b, key[:]...)
	at := len(b)
	b = append(b, payload...)
	mask(b[at:], key)
	return b, true
}

func sendFrame(l *vm.State) int {
	opcode := byte(l.CheckInt(3))
	payload := ""
	if v := l.Arg(4); v.Truthy() {
		payload, _ = l.ToString(v).AsString()
	}
	fin := l.Arg(2).Truthy()
	switch {
	case len(payload) > l.CheckInt(5):
		return api.Fail(l, "payload too big")
	case opcode&opControl != 0 && len(payload) > maxControl:
		return api.Fail(l, "too much payload for control frame")
	case opcode&opControl != 0 && !fin:
		return api.Fail(l, "fragmented control frame")
	}
	buf, ok := appendFrame(l.VM().TakeBuf(), fin, opcode, payload, l.Arg(6).Truthy())
	if !ok {
		l.VM().KeepBuf(buf)
		return api.Fail(l, "failed to build frame: payload too big")
	}
	l.Push(l.GetField(l.Arg(1), "send"))
	l.Push(l.Arg(1))
	l.PushBytes(buf)
	l.VM().KeepBuf(buf)
	l.Call(2, 2)
	err, sent := l.Pop1(), l.Pop1()
	if sent.Truthy() {
		return l.Ret(sent)
	}
	return api.Fail(l, "failed to send frame: "+err.Text())
}
