package run

import (
	"bufio"
	"io"

	lua "github.com/yuin/gopher-lua"
)

// runGopher runs a script on gopher-lua, the baseline the engine is compared with.
func runGopher(s script, stdout io.Writer) error {
	out := bufio.NewWriter(stdout)
	defer out.Flush()
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("print", l.NewFunction(func(l *lua.LState) int {
		for i := 1; i <= l.GetTop(); i++ {
			if i > 1 {
				out.WriteByte('\t')
			}
			out.WriteString(l.ToStringMeta(l.Get(i)).String())
		}
		out.WriteByte('\n')
		return 0
	}))
	if t, ok := l.GetGlobal("io").(*lua.LTable); ok {
		t.RawSetString("write", l.NewFunction(func(l *lua.LState) int {
			for i := 1; i <= l.GetTop(); i++ {
				out.WriteString(l.CheckString(i))
			}
			return 0
		}))
	}
	arg := l.NewTable()
	arg.RawSetInt(0, lua.LString(s.file))
	fn, err := l.LoadString(s.text)
	if err != nil {
		return err
	}
	l.Push(fn)
	for i, a := range s.args {
		arg.RawSetInt(i+1, lua.LString(a))
		l.Push(lua.LString(a))
	}
	l.SetGlobal("arg", arg)
	return l.PCall(len(s.args), lua.MultRet, nil)
}
