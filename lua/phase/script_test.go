package phase

import "testing"

func TestChunksAreNamedByDirectiveFileAndLine(t *testing.T) {
	for _, tc := range []struct{ tag, file, prefix, want string }{
		{"content_by_lua", "/etc/weir/nginx.conf", "/etc/weir/", "=content_by_lua(nginx.conf:12)"},
		{"content_by_lua", "/other/nginx.conf", "/etc/weir/", "=content_by_lua(nginx.conf:12)"},
		{"log_by_lua", "/etc/weir/conf.d/a.conf", "/etc/weir/", "=log_by_lua(conf.d/a.conf:12)"},
		{"log_by_lua", "/srv/a.conf", "/etc/weir/", "=log_by_lua(/srv/a.conf:12)"},
		{"content_by_lua", "/srv/0123456789012345678901234567890123456789/a.conf", "/etc/weir/",
			"=content_by_lua(...012345678901234567890123456789/a.conf:12)"},
	} {
		if got := chunkName(tc.tag, tc.file, tc.prefix, 12); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.file, got, tc.want)
		}
	}
}
