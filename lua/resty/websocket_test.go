package resty

import (
	"strings"
	"testing"
)

// wire is a socket of Lua's whose input is given and whose output is kept.
const wire = `
local ws = require "resty.websocket.protocol"
local function wire(input)
	local s = {out = ""}
	function s:receive(n)
		if n > #input then return nil, "closed", input end
		local part = input:sub(1, n)
		input = input:sub(n + 1)
		return part
	end
	function s:send(data) if self.broken then return nil, "timeout" end self.out = self.out .. data return #data end
	return s
end
local function got(input, max, masked) return ws.recv_frame(wire(input), max or 1000, masked) end
local function masked(head, text)
	local key, out = "\1\2\3\4", {}
	for i = 1, #text do out[i] = string.char(bit.bxor(text:byte(i), key:byte((i - 1) % 4 + 1))) end
	return head .. key .. table.concat(out)
end
local function sent(...) local s = wire("") local n, err = ws.send_frame(s, ...) return n or err, hex(s.out:sub(1, 12)), #s.out end
`

func TestFramesOfWebSockets(t *testing.T) {
	for _, c := range []struct{ then, want string }{
		{`got("\129\5hello")`, "hello;text;nil"},
		{`got("\2\1x")`, "x;binary;again"},
		{`got("\128\0")`, ";continuation;nil"},
		{`got(masked("\129\133", "hello"))`, "hello;text;nil"},
		{`got(masked("\129\254\0\200", ("abc"):rep(66) .. "de"), 200)`, strings.Repeat("abc", 66) + "de;text;nil"},
		{`got("\137\2hi")`, "hi;ping;nil"},
		{`got("\138\0")`, ";pong;nil"},
		{`got("\136\0")`, ";close;nil"},
		{`got("\136\2\3\232")`, ";close;1000"},
		{`got(masked("\136\133", "\3\233bye"))`, "bye;close;1001"},
		{`got("\136\1x")`, "nil;nil;close frame with a body must carry a 2-byte status code"},
		{`got("\129\5hello", 4)`, "nil;nil;exceeding max payload len"},
		{`got("\129\5hello", 9, true)`, "nil;nil;frame unmasked"},
		{`got("\193\0")`, "nil;nil;bad RSV1, RSV2, or RSV3 bits"},
		{`got("\131\0")`, "nil;nil;reserved non-control frames"},
		{`got("\139\0")`, "nil;nil;reserved control frames"},
		{`got("\9\0")`, "nil;nil;fragmented control frame"},
		{`got("\137\126\0\126")`, "nil;nil;too long payload for control frame"},
		{`got("\129\127\0\0\0\0\128\0\0\0")`, "nil;nil;payload len too large"},
		{`got("\129\127\255\0\0\0\0\0\0\0")`, "nil;nil;payload len too large"},
		{`got("")`, "nil;nil;failed to receive the first 2 bytes: closed"},
		{`got("\129\126\0")`, "nil;nil;failed to receive the 2 byte payload length: closed"},
		{`got("\129\127\0")`, "nil;nil;failed to receive the 8 byte payload length: closed"},
		{`got("\129\5hell")`, "nil;nil;failed to read masking-len and payload: closed"},
		{`sent(true, 1, "hello", 100)`, "7;810568656c6c6f;7"},
		{`sent(false, 2, 12.5, 100)`, "6;020431322e35;6"},
		{`sent(true, 9, nil, 100)`, "2;8900;2"},
		{`sent(true, 1, ("x"):rep(126), 1000)`, "130;817e007e7878787878787878;130"},
		{`sent(true, 1, ("x"):rep(65536), 100000)`, "65546;817f00000000000100007878;65546"},
		{`sent(true, 1, "hello", 4)`, "payload too big;;0"},
		{`sent(true, 9, ("x"):rep(126), 1000)`, "too much payload for control frame;;0"},
		{`sent(false, 9, "", 1000)`, "fragmented control frame;;0"},
		{`ws.send_frame({send = function() return nil, "timeout" end}, true, 1, "x", 9)`, "nil;failed to send frame: timeout"},
		{`got(ws.build_frame(true, 1, 5, "hello", true), 5, true)`, "hello;text;nil"},
		{`got(ws.build_frame(true, 2, 70000, ("0123456789"):rep(7000), true), 70000, true) == ("0123456789"):rep(7000)`, "true"},
	} {
		e, _ := newEnv(t)
		if got := eval(t, e, wire+"return show("+c.then+")"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.then, got, c.want)
		}
	}
}

func TestSignals(t *testing.T) {
	for _, c := range []struct{ then, want string }{
		{`s.signum("HUP"), s.signum("TERM"), s.signum(9), s.signum("NONE")`, "1;15;9;0"},
		{`s.signum("HUPP")`, "nil;unknown signal name"},
		{`s.kill(2147483000, "NONE")`, "nil;No such process"},
		{`s.kill(1, "x")`, "nil;unknown signal name"},
	} {
		e, _ := newEnv(t)
		if got := eval(t, e, `local s = require "resty.signal" return show(`+c.then+")"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.then, got, c.want)
		}
	}
}
