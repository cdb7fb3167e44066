package stdmodules

import (
	"strings"
	"testing"

	"weir/appliance/http/httptest"
)

// What a script's own values cost is counted, so that an allocation of the host's shows: each table and each string
// that is new is one.
func TestLuaPhasesAllocateOnlyTheValuesOfScripts(t *testing.T) {
	s := httptest.Start(t, Modules(), `keepalive_requests 1000000; access_log off; default_type text/plain;
		lua_shared_dict counts 1m;
		server {
			listen %LISTEN%;
			location /hello { content_by_lua_block { ngx.say("hello world") } }
			location /phases {
				set_by_lua_block $set { return "set" }
				rewrite_by_lua_block { ngx.ctx.n = 1 }
				access_by_lua_block { ngx.shared.counts:incr("key", 1, 0) }
				header_filter_by_lua_block { ngx.header["X-Set"] = "text" }
				body_filter_by_lua_block { local last = ngx.arg[2] }
				content_by_lua_block { ngx.header.content_type = "text/html" ngx.status = 201 ngx.print("n ", 1, "\n") }
				log_by_lua_block { local s = ngx.status }
			}
			location /reads {
				content_by_lua_block {
					local h, a = ngx.req.get_headers(), ngx.req.get_uri_args()
					ngx.say(h["user-agent"], " ", a.u, " ", ngx.var.uri, " ", ngx.req.get_method())
				}
			}
		}`)
	tests := []struct {
		name, target, want string
		allocs             float64
	}{
		{"a content handler", "/hello", "hello world\n", 0},
		{"every phase, with the table ngx.ctx", "/phases", "n 1\n", 1},
		{"two tables, three fields, an argument and a variable", "/reads?u=bob", "te bob /reads GET\n", 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := "GET " + tt.target + " HTTP/1.1\r\nHost: a\r\nUser-Agent: te\r\n"
			if got := s.Exchange(t, request+"Connection: close\r\n\r\n"); !strings.Contains(got, tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			if n := s.Allocations(t, request+"\r\n"); n > tt.allocs {
				t.Errorf("got %v allocations per request, want %v", n, tt.allocs)
			}
		})
	}
}
