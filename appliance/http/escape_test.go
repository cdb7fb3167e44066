package http_test

import (
	"testing"

	"weir/appliance/http"
)

func TestEscapesAreNginxs(t *testing.T) {
	const printable = " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7f\x80"
	tests := []struct {
		name string
		kind http.EscapeKind
		want string
	}{
		{"a path", http.EscapePath, "%20!%22%23$%25&'()*+,-./09:;%3C=%3E%3F@AZ[%5C]%5E_%60az%7B%7C%7D~%7F%80"},
		{"arguments", http.EscapeArgs, "%20!%22%23$%25%26'()*%2B,-./09:%3B%3C=%3E%3F@AZ[%5C]%5E_%60az%7B%7C%7D~%7F%80"},
		{"a component", http.EscapeComponent,
			"%20%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F09%3A%3B%3C%3D%3E%3F%40AZ%5B%5C%5D%5E_%60az%7B%7C%7D~%7F%80"},
		{"a link", http.EscapeHTML, "%20!%22%23$%25&%27()*+,-./09:;%3C=%3E?@AZ[%5C]%5E_%60az%7B%7C%7D~%7F%80"},
		{"a refresh", http.EscapeRefresh, "%20!%22#$%&%27()*+,-./09:;%3C=%3E?@AZ[%5C]%5E_%60az%7B%7C}%7E%7F%80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(http.EscapeURI(nil, []byte(printable), tt.kind)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
