package phase_test

import (
	"bufio"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/lua/api"
)

const reloadConf = `
	default_type text/plain;
	init_by_lua_block { state = "new" }
	server {
		listen %LISTEN%;
		location = /keep { content_by_lua_block { state = "kept" } }
		location = /state { access_by_lua_block { ngx.header.x = 1 } content_by_lua_block { ngx.print(state) } }
	}`

// TestARequestThatMeetsLuaAfterAReloadHasItsVM has a head half read when the worker takes another configuration: its
// Lua finds the state of the VM it would have had. What the connection begins later gets a VM of its own.
func TestARequestThatMeetsLuaAfterAReloadHasItsVM(t *testing.T) {
	for _, next := range []string{reloadConf, `server { listen %LISTEN%; return 204; }`} {
		s := httptest.Start(t, modules, reloadConf)
		after, err := httptest.Load(t, modules, next)
		if err != nil {
			t.Fatal(err)
		}
		s.Body(t, "/keep")
		c := s.Dial(t)
		in := bufio.NewReader(c)
		body := func() string {
			res, err := nethttp.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			return string(b)
		}
		fmt.Fprint(c, "GET /state HTTP/1.1\r\nHost: a\r\n")
		for reading := int64(0); reading == 0; {
			s.Do(func(w *http.Worker) { reading = w.Stats().Reading })
		}
		var old *api.Env
		s.Do(func(w *http.Worker) {
			old = api.Workers.Of(w).Current
			w.Use(after.Cycle.HTTP.(*http.Generation))
		})
		for _, want := range []string{"kept", "new", "new"} {
			fmt.Fprint(c, "\r\n")
			if got := body(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			s.Do(func(w *http.Worker) {
				if n := len(api.Workers.Of(w).Older); !old.Closed() || n != 0 {
					t.Errorf("%d VMs stay, closed: %v", n, old.Closed())
				}
			})
			fmt.Fprint(c, "GET /state HTTP/1.1\r\nHost: a\r\n")
		}
		if p := strings.Join(s.Panics(), "\n"); p != "" {
			t.Error(p)
		}
	}
}
