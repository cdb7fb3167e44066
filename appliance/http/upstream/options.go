package upstream

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/sock"
)

// anywhere are the blocks that the options of a location stand in.
const anywhere = conf.HTTP | conf.Server | conf.Location

// Options are the directives of the connection to backends and of the response
// head, which every module that passes requests has: PREFIX_connect_timeout
// and so on. of finds the Conf in the module's own configuration of a location.
func Options[T any](prefix string, of func(*T) *Conf) []conf.Directive {
	return prefixed(prefix, []conf.Directive{
		{Name: "bind", Args: conf.Take12, Set: setBind(of),
			Syntax: "address [transparent] | off", Default: "off",
			Doc: "Sets the local address of connections to backends."},
		{Name: "socket_keepalive", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.SocketKeepalive })), Default: "off",
			Doc: "Switches TCP keepalive on for connections to backends."},
		{Name: "socket_rcvbuf", Args: conf.Take1, Set: conf.Size(in(of, func(c *Conf) *conf.Opt[int64] { return &c.RcvBuf })), Default: "0",
			Doc: "Sets the receive buffer of connections to backends; 0 leaves it to the system."},
		{Name: "socket_sndbuf", Args: conf.Take1, Set: conf.Size(in(of, func(c *Conf) *conf.Opt[int64] { return &c.SndBuf })), Default: "0",
			Doc: "Sets the send buffer of connections to backends; 0 leaves it to the system."},
		{Name: "connect_timeout", Args: conf.Take1, Set: conf.Msec(in(of, func(c *Conf) *conf.Opt[int64] { return &c.ConnectTimeout })), Default: "60s",
			Doc: "Limits the time of connecting to a backend."},
		{Name: "send_timeout", Args: conf.Take1, Set: conf.Msec(in(of, func(c *Conf) *conf.Opt[int64] { return &c.SendTimeout })), Default: "60s",
			Doc: "Sets how long to wait for the backend between two writes."},
		{Name: "read_timeout", Args: conf.Take1, Set: conf.Msec(in(of, func(c *Conf) *conf.Opt[int64] { return &c.ReadTimeout })), Default: "60s",
			Doc: "Sets how long to wait for the backend between two reads."},
		{Name: "buffer_size", Args: conf.Take1, Set: conf.Size(in(of, func(c *Conf) *conf.Opt[int64] { return &c.BufferSize })), Default: "4k",
			Doc: "Sets the buffer that a response head must fit into."},
		{Name: "intercept_errors", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.InterceptErrors })), Default: "off",
			Doc: "Answers statuses of 300 and more of backends by error_page where it names them."},
		{Name: "next_upstream", Args: conf.OneMore, Set: conf.Bitmask(in(of, func(c *Conf) *conf.Opt[Failure] { return &c.Next }), FailureNames),
			Syntax: "error | timeout | invalid_header | http_500 | http_502 | http_503 | http_504 | http_403 | http_404 | http_429 | non_idempotent | off ...", Default: "error timeout",
			Doc: "Says after which failures the next backend is tried."},
		{Name: "next_upstream_tries", Args: conf.Take1, Set: conf.Num(in(of, func(c *Conf) *conf.Opt[int] { return &c.NextTries }), 0, conf.NoMax), Default: "0",
			Doc: "Limits how many backends are tried; 0 has no limit."},
		{Name: "next_upstream_timeout", Args: conf.Take1, Set: conf.Msec(in(of, func(c *Conf) *conf.Opt[int64] { return &c.NextTimeout })), Default: "0",
			Doc: "Limits for how long a further backend may be tried; 0 has no limit."},
		{Name: "pass_header", Args: conf.Take1, Set: conf.StrList(in(of, func(c *Conf) *[]string { return &c.PassNames })),
			Doc: "Passes a response field on that stays here by default."},
		{Name: "hide_header", Args: conf.Take1, Set: conf.StrList(in(of, func(c *Conf) *[]string { return &c.HideNames })),
			Doc: "Does not pass a response field on."},
		{Name: "ignore_headers", Args: conf.OneMore, Set: conf.Bitmask(in(of, func(c *Conf) *conf.Opt[Ignored] { return &c.Ignore }), IgnoredNames),
			Doc: "Does not act on response fields that tell the server what to do."},
	})
}

// BodyOptions are the directives of how bodies pass, which every such module
// has whose protocol lets them be held back: all but gRPC's.
func BodyOptions[T any](prefix string, of func(*T) *Conf) []conf.Directive {
	return prefixed(prefix, []conf.Directive{
		{Name: "store", Args: conf.Take1, Set: setStore(of),
			Syntax: "on | off | path", Default: "off",
			Doc: "Keeps responses as files, where root or alias or the given path say."},
		{Name: "store_access", Args: conf.Take123, Set: conf.Access(in(of, func(c *Conf) *conf.Opt[uint32] { return &c.StoreAccess })), Default: "user:rw",
			Doc: "Sets the permissions of kept files."},
		{Name: "buffering", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.Buffering })), Default: "on",
			Doc: "Reads responses as fast as the backend sends them, into memory and a temporary file, instead of as fast as the client takes them."},
		{Name: "request_buffering", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.RequestBuffering })), Default: "on",
			Doc: "Reads the whole request body before a backend is asked."},
		{Name: "ignore_client_abort", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.IgnoreClientAbort })), Default: "off",
			Doc: "Goes on with a backend when the client has closed its connection."},
		{Name: "send_lowat", Args: conf.Take1, Set: conf.NoOpSize("Linux ignores SO_SNDLOWAT"), Default: "0",
			Doc: "Accepted for compatibility."},
		{Name: "pass_request_headers", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.PassRequestHeaders })), Default: "on",
			Doc: "Passes the client's header fields to backends."},
		{Name: "pass_request_body", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.PassRequestBody })), Default: "on",
			Doc: "Passes the client's body to backends."},
		{Name: "buffers", Args: conf.Take2, Set: conf.Bufs(in(of, func(c *Conf) *conf.Opt[conf.BufCount] { return &c.Buffers })), Default: "8 4k",
			Doc: "Sets how much of a response is held in memory: number times size."},
		{Name: "busy_buffers_size", Args: conf.Take1, Set: conf.After(conf.Size(in(of, func(c *Conf) *conf.Opt[int64] { return &c.BusySize })), conf.NoOp("buffers are given on as soon as they are filled")), Default: "8k",
			Doc: "Checked against the other sizes; what waits for a slow client goes to the temporary file at once."},
		{Name: "force_ranges", Args: conf.FlagArg, Set: conf.Flag(in(of, func(c *Conf) *conf.Opt[bool] { return &c.ForceRanges })), Default: "off",
			Doc: "Serves ranges of responses whatever the backend says."},
		{Name: "limit_rate", Args: conf.Take1, Set: sizeText(http.ComplexSetter(in(of, func(c *Conf) *conf.Opt[*http.Complex] { return &c.LimitRate }))), Default: "0",
			Doc: "Limits how fast a response is read from a backend, in bytes per second."},
		{Name: "temp_path", Args: conf.Take1234, Set: conf.TempPath(in(of, func(c *Conf) *conf.Opt[conf.TempDir] { return &c.TempPath })), Default: prefix + "_temp 1 2",
			Doc: "Sets the directory of temporary files with responses, and its levels of subdirectories."},
		{Name: "max_temp_file_size", Args: conf.Take1, Set: conf.Size(in(of, func(c *Conf) *conf.Opt[int64] { return &c.MaxTempSize })), Default: "1024m",
			Doc: "Limits the temporary file of a response; 0 has none."},
		{Name: "temp_file_write_size", Args: conf.Take1, Set: conf.After(conf.Size(in(of, func(c *Conf) *conf.Opt[int64] { return &c.TempWriteSize })), conf.NoOp("temporary files are written a buffer at a time")), Default: "8k",
			Doc: "Checked against the other sizes."},
	})
}

// prefixed completes rows: the module's name before theirs, and their blocks.
func prefixed(prefix string, rows []conf.Directive) []conf.Directive {
	for i := range rows {
		rows[i].Name = prefix + "_" + rows[i].Name
		rows[i].In = anywhere
	}
	return rows
}

// in makes a field of Conf a field of the module's configuration.
func in[T, V any](of func(*T) *Conf, field func(*Conf) *V) func(*T) *V {
	return func(c *T) *V { return field(of(c)) }
}

// sizeText has set read a size, or a text with variables that is one later.
func sizeText(set conf.Setter) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		if _, ok := conf.ParseSize(it.Args[0]); !ok && !http.HasVariables(it.Args[0]) {
			return conf.Tail("invalid value")
		}
		return set(cx, it)
	}
}

// setBind reads bind address [transparent] | off.
func setBind[T any](of func(*T) *Conf) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		c := of(conf.Target[T](cx))
		if c.Bind.Set {
			return conf.Tail("is duplicate")
		}
		if len(it.Args) == 1 && it.Args[0] == "off" {
			c.Bind.Put(nil)
			return nil
		}
		bind := &Bind{}
		if http.HasVariables(it.Args[0]) {
			v, err := http.BuilderOf(cx).CompileComplex(it.Args[0])
			if err != nil {
				return err
			}
			bind.Value = v
		} else {
			a, err := sock.ParseAddr(it.Args[0])
			if err != nil {
				return conf.Errorf("invalid address \"%s\"", it.Args[0])
			}
			bind.Addr = a
		}
		if len(it.Args) == 2 {
			if it.Args[1] != "transparent" {
				return conf.Errorf("invalid parameter \"%s\"", it.Args[1])
			}
			bind.Transparent = true
		}
		c.Bind.Put(bind)
		return nil
	}
}

// setStore reads store on | off | path.
func setStore[T any](of func(*T) *Conf) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		c := of(conf.Target[T](cx))
		if c.Store.Set {
			return conf.Tail("is duplicate")
		}
		switch it.Args[0] {
		case "off":
			c.Store.Put(nil)
		case "on":
			c.Store.Put(&Store{})
		case "":
			return conf.Errorf("empty path")
		default:
			text := it.Args[0]
			if !strings.HasPrefix(text, "$") {
				text = cx.Path(text, false)
			}
			v, err := http.BuilderOf(cx).CompileComplex(text)
			if err != nil {
				return err
			}
			c.Store.Put(&Store{Path: v})
		}
		return nil
	}
}
