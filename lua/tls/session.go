package tls

import (
	"encoding/hex"

	"weir/lua/api"
	"weir/lua/vm"
)

var sessionFuncs = []api.Func{
	{Name: "get_session_id", In: api.SSLSessionFetch | api.SSLSessionStore, Args: "()", Doc: "Returns the name of the session to find or to keep, in hexadecimal.", Run: func(l *vm.State) int {
		c, _ := here(l)
		id := c.SessionID()
		if id == nil {
			return api.Fail(l, "uninitialized session id in lua context")
		}
		return l.Ret(vm.String(hex.EncodeToString(id)))
	}},
	{Name: "get_serialized_session", In: api.SSLSessionStore, Args: "()", Doc: "Returns the new session as bytes, which hold its secret.", Run: func(l *vm.State) int {
		c, _ := here(l)
		b := c.Session()
		if b == nil {
			return api.Fail(l, "bad session in lua context")
		}
		l.PushBytes(b)
		return 1
	}},
	{Name: "set_serialized_session", In: api.SSLSessionFetch, Args: "(session)", Doc: "Resumes the session that get_serialized_session gave.", Run: func(l *vm.State) int {
		b := l.CheckString(1)
		c, _ := here(l)
		if b == "" {
			return api.Fail(l, "invalid session length")
		}
		if err := c.SetSession([]byte(b)); err != nil {
			return api.Fail(l, "failed to de-serialize session")
		}
		return l.Ret(vm.True)
	}},
}
