package mirror_test

import (
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/mirror"
)

// seen is what the copies were; the worker's, to be read by Server.Do.
var seen []string

var recorder = http.Module{
	Name: "test_recorder",
	Directives: []conf.Directive{
		{Name: "test_record", In: conf.Location, Args: conf.NoArgs, Doc: "Notes method, path, arguments and body.",
			Set: func(cx *conf.Cx, _ *conf.Item) error {
				http.ScopeOf(cx).Location().Handler = func(r *http.Request) http.Code {
					seen = append(seen, string(r.MethodName)+" "+string(r.URI)+"?"+string(r.Args)+" "+string(r.Body().Bytes()))
					return r.SendResponse(http.StatusOK, []byte("text/plain"), []byte("hidden"))
				}
				return nil
			}},
		{Name: "test_answer", In: conf.Location, Args: conf.NoArgs, Doc: "Answers.",
			Set: func(cx *conf.Cx, _ *conf.Item) error {
				http.ScopeOf(cx).Location().Handler = func(r *http.Request) http.Code {
					return r.SendResponse(http.StatusOK, []byte("text/plain"), []byte("in"))
				}
				return nil
			}},
	},
}

var modules = http.Modules{&http.Core, &mirror.Module, &recorder, &http.Postpone}

func TestCopiesRunAndAnswerNobody(t *testing.T) {
	s := httptest.Start(t, modules, `server {
		listen %LISTEN%;
		mirror /one; mirror /two;
		location /both { test_answer; }
		location /off { mirror off; test_answer; }
		location /nobody { mirror_request_body off; mirror /one; test_answer; }
		location /one { internal; test_record; } location /two { internal; test_record; } }`)
	tests := []struct{ name, request, want string }{
		{"a GET", "GET /both?a=b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /one?a=b ,GET /two?a=b "},
		{"a POST with its body", "POST /both HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody", "POST /one? body,POST /two? body"},
		{"a POST without its body", "POST /nobody HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody", "POST /one? "},
		{"off", "GET /off HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.Do(func(*http.Worker) { seen = nil })
			if got := s.Exchange(t, tt.request); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "\r\n\r\nin") {
				t.Errorf("the client got %q", got)
			}
			var got string
			s.Do(func(*http.Worker) { got = strings.Join(seen, ",") })
			if got != tt.want {
				t.Errorf("the copies were %q, want %q", got, tt.want)
			}
		})
	}
}
