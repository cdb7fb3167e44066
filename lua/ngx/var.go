package ngx

import (
	"strings"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/buf"
)

// lookup finds the definition of a variable, once per VM and name.
func lookup(l *vm.State, c *api.Ctx, name string) *http.Variable {
	s := coreState.Of(l)
	d, ok := s.vars[name]
	if !ok {
		if len(s.vars) >= maxNames {
			clear(s.vars)
		}
		d = c.R.Generation().LookupVariable(strings.ToLower(name))
		s.vars[strings.Clone(name)] = d
	}
	return d
}

func varGet(l *vm.State) int {
	c := api.Of(l)
	r := c.Request(l)
	key := l.Arg(2)
	name, ok := key.AsString()
	if !ok {
		n, num := key.AsNumber()
		if !num {
			l.Errorf("bad variable name")
		}
		if n <= 0 {
			return l.Ret(vm.Nil)
		}
		caps, _ := r.Captures()
		if 2*int(n)+1 >= len(caps) {
			return l.Ret(vm.Nil)
		}
		l.PushBytes(r.Capture(int(n)))
		return 1
	}
	d := lookup(l, c, name)
	if d == nil {
		return l.Ret(vm.Nil)
	}
	v := r.VarOf(d, &coreState.Of(l).value)
	if !v.Found() {
		return l.Ret(vm.Nil)
	}
	l.PushBytes(v.B)
	return 1
}

func varSet(l *vm.State) int {
	c := api.Of(l)
	r := c.Request(l)
	name, ok := l.Arg(2).AsString()
	if !ok {
		l.Errorf("bad variable name")
	}
	var value []byte
	switch v := l.Arg(3); {
	case v.IsNil():
	case v.IsString() || v.IsNumber() || v.Type() == vm.TypeBool:
		value = r.CopyString(v.Text())
	default:
		l.Errorf("bad argument #3 to 'ngx.var.%s' (string expected, got %s)", name, v.TypeName())
	}
	d := lookup(l, c, name)
	switch {
	case d == nil || d.Flags&(http.VarOfPrefix|http.VarChangeable) == http.VarOfPrefix:
		l.Errorf("variable \"%s\" not found for writing; maybe it is a built-in variable that is not changeable or you forgot to use \"set $%s '';\" in the config file to define it first", name, name)
	case d.Flags&http.VarChangeable == 0:
		l.Errorf("variable \"%s\" not changeable", name)
	case d.Set != nil:
		d.Set(r, value, d)
	case d.Index() < 0:
		l.Errorf("variable \"%s\" cannot be assigned a value", name)
	case value == nil:
		r.UnsetVar(d.Index())
	default:
		r.SetVar(d.Index(), value)
	}
	return 0
}

// argGet is ngx.arg: the arguments of set_by_lua, or the part of the body that body_filter_by_lua sees.
func argGet(l *vm.State) int {
	c := api.Of(l)
	n, ok := l.Arg(2).AsNumber()
	switch c.Phase {
	case api.Set:
		if !ok || n < 1 || int(n) > len(c.Args) {
			return l.Ret(vm.Nil)
		}
		l.PushBytes(c.Args[int(n)-1])
		return 1
	case api.BodyFilter:
		return bodyArg(l, c, int(n))
	}
	l.Errorf("API disabled in the current context")
	return 0
}

func bodyArg(l *vm.State, c *api.Ctx, n int) int {
	switch n {
	case 1:
		if ln := c.InChain.Head; ln != nil && ln.Next == nil && ln.File == nil {
			l.PushBytes(ln.Mem)
			return 1
		}
		b := l.VM().TakeBuf()
		for ln := c.InChain.Head; ln != nil; ln = ln.Next {
			b = append(b, ln.Mem...)
		}
		l.PushBytes(b)
		l.VM().KeepBuf(b)
		return 1
	case 2:
		return l.Ret(vm.Bool(c.InChain.Flags()&(buf.Last|buf.LastInChain) != 0))
	}
	return l.Ret(vm.Nil)
}

func argSet(l *vm.State) int {
	c := api.Of(l)
	if c.Phase != api.BodyFilter {
		l.Errorf("API disabled in the current context")
	}
	switch n := l.CheckInt(2); n {
	case 1:
		replaceBody(l, c)
	case 2:
		setEnd(c, l.Arg(3).Truthy())
	default:
		l.Errorf("bad index: %d", n)
	}
	return 0
}

// replaceBody is ngx.arg[1] = data: what there was is dropped, its flags stay.
func replaceBody(l *vm.State, c *api.Ctx) {
	pool := c.R.Worker().Buffers
	size := 0
	v := l.Arg(3)
	switch v.Type() {
	case vm.TypeString, vm.TypeNumber:
		size = len(v.Text())
	case vm.TypeNil:
	case vm.TypeTable:
		size = TableSize(l, v.AsTable(), 3, true)
	default:
		l.Errorf("bad chunk data type: %s", v.TypeName())
	}
	flags := c.InChain.Flags() & (buf.Last | buf.LastInChain | buf.Flush)
	pool.DoneChain(c.InChain)
	*c.InChain = buf.Chain{}
	if size == 0 && flags == 0 {
		return
	}
	var ln *buf.Link
	if size > 0 {
		data := pool.Get(size)
		ln = pool.BufferLink(data, appendText(data[:0], v))
	} else {
		ln = pool.Link()
	}
	ln.Flags |= flags
	c.InChain.Append(ln)
}

// setEnd is ngx.arg[2] = last.
func setEnd(c *api.Ctx, last bool) {
	if last {
		if c.InChain.Empty() {
			c.InChain.Append(c.R.Worker().Buffers.Link())
		}
		c.InChain.Tail.Flags |= c.R.Last()
		return
	}
	for ln := c.InChain.Head; ln != nil; ln = ln.Next {
		if ln.Flags&(buf.Last|buf.LastInChain) != 0 {
			ln.Flags &^= buf.Last | buf.LastInChain
			if ln.Size() == 0 {
				ln.Flags |= buf.Sync
			}
		}
	}
}
