package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/stdmodules"
	"weir/tuning/cpu"
)

// nginxVersion is the version of nginx whose configuration, messages and
// behaviour weir follows; scripts and test suites decide by it.
const nginxVersion = "1.31.3"

// opensslVersion is the OpenSSL whose directives and cipher names the TLS
// settings follow; scripts look for the line in which it stands.
const opensslVersion = "3.0.0"

// showVersion writes what -v, -V and -h ask for on standard error.
func showVersion(o *options) {
	var b strings.Builder
	fmt.Fprintf(&b, "nginx version: nginx/%s (weir %s)\n", nginxVersion, version)
	if o.help {
		fmt.Fprintf(&b, usage, defaultPrefix, stderrIfEmpty(defaultErrorLog), defaultConfFile)
	}
	if o.configure {
		fmt.Fprintf(&b, "built by %s\n", runtime.Version())
		features := cpu.Detect()
		fmt.Fprintf(&b, "processor: %s (%s)\n", features.Name, features)
		fmt.Fprintf(&b, "TLS on it: %s\n", features.Choose())
		fmt.Fprintf(&b, "built with OpenSSL %s (compatible: Go crypto/tls)\n", opensslVersion)
		b.WriteString("TLS SNI support enabled\n")
		fmt.Fprintf(&b, "configure arguments: %s\n",
			strings.Join(configureArguments(stdmodules.Modules(), stdmodules.Table()), " "))
	}
	os.Stderr.WriteString(b.String())
}

func stderrIfEmpty(path string) string {
	if path == "" {
		return "stderr"
	}
	return path
}

const usage = `Usage: weir [-?hvVtTq] [-s signal] [-p prefix]
            [-e filename] [-c filename] [-g directives]
       weir demo [-l address]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: %s)
  -e filename   : set error log file (default: %s)
  -c filename   : set configuration file (default: %s)
  -g directives : set global directives out of configuration file

`

// defaultOn are the modules that nginx builds unless told otherwise, each with a
// directive that only it has. One whose directive weir lacks is reported as left
// out, which is how test suites know to skip what needs it.
var defaultOn = []struct{ without, directive string }{
	{"http_charset_module", "charset"},
	{"http_gzip_module", "gzip"},
	{"http_ssi_module", "ssi"},
	{"http_userid_module", "userid"},
	{"http_access_module", "allow"},
	{"http_auth_basic_module", "auth_basic"},
	{"http_mirror_module", "mirror"},
	{"http_autoindex_module", "autoindex"},
	{"http_geo_module", "geo"},
	{"http_map_module", "map"},
	{"http_split_clients_module", "split_clients"},
	{"http_referer_module", "valid_referers"},
	{"http_rewrite_module", "rewrite"},
	{"http_proxy_module", "proxy_pass"},
	{"http_fastcgi_module", "fastcgi_pass"},
	{"http_uwsgi_module", "uwsgi_pass"},
	{"http_scgi_module", "scgi_pass"},
	{"http_grpc_module", "grpc_pass"},
	{"http_memcached_module", "memcached_pass"},
	{"http_tunnel_module", "tunnel_pass"},
	{"http_limit_conn_module", "limit_conn"},
	{"http_limit_req_module", "limit_req"},
	{"http_empty_gif_module", "empty_gif"},
	{"http_browser_module", "ancient_browser"},
	{"http_upstream_hash_module", "hash"},
	{"http_upstream_ip_hash_module", "ip_hash"},
	{"http_upstream_least_conn_module", "least_conn"},
	{"http_upstream_least_time_module", "least_time"},
	{"http_upstream_random_module", "random"},
	{"http_upstream_keepalive_module", "keepalive"},
	{"http_upstream_zone_module", "zone"},
	{"http_upstream_sticky_module", "sticky"},
	{"http-cache", "proxy_cache_path"},
}

// configureArguments is what nginx's configure would have been called with to
// get the modules that are built in.
func configureArguments(modules http.Modules, table *conf.Table) []string {
	args := []string{"--with-debug", "--with-threads", "--with-pcre-jit"}

	for _, m := range modules {
		if m.ConfigureArg != "" {
			args = append(args, m.ConfigureArg)
		}
	}
	names := make(map[string]bool)
	for _, e := range table.All() {
		// Rows that only refuse a directive with a reason say so in Doc.
		if !strings.Contains(e.Doc, "not built in") {
			names[e.Name] = true
		}
	}
	for _, d := range defaultOn {
		if !names[d.directive] {
			args = append(args, "--without-"+d.without)
		}
	}
	return args
}
