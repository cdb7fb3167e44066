package main

import (
	_ "embed"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/appliance/master"
	"weir/appliance/stdmodules"
)

// The demo's files. In nginx.conf, @...@ stands for what is only known at the
// start.
var (
	//go:embed demo/nginx.conf
	demoConf string
	//go:embed demo/index.html
	demoPage []byte
)

// demo serves the built-in configuration from a directory of its own until it
// is interrupted: a static page, an origin that is proxied to, a program in
// Lua, a status page and metrics.
func demo(args []string, services *services) int {
	fs := flag.NewFlagSet("weir demo", flag.ContinueOnError)
	address := fs.String("l", "127.0.0.1:8080", "`address` to listen on")
	if fs.Parse(args) != nil {
		return 1
	}
	if _, _, err := net.SplitHostPort(*address); err != nil {
		errlog.Consolef(errlog.Stderr, "demo: %v", err)
		return 1
	}
	table := stdmodules.Table()
	dir, err := demoFiles(*address, table)
	if err != nil {
		errlog.Consolef(errlog.Stderr, "demo: %v", err)
		return 1
	}
	defer os.RemoveAll(dir)
	fmt.Printf("http://%s/ is the demo, configured by %s/nginx.conf; end it with Ctrl-C\n", *address, dir)
	return master.Start(master.Options{
		Prefix: dir, ConfFile: "nginx.conf", Globals: "daemon off;", Args: os.Args,
		Version: version, Table: table, New: services.worker, Answer: services.insight.Answer,
	})
}

// demoFiles writes configuration and page into a new directory, readable for
// the user that the server process becomes.
func demoFiles(address string, table *conf.Table) (dir string, err error) {
	dir, err = os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return "", err
	}
	metrics := "return 404"
	for _, e := range table.All() {
		if e.Name == "metrics" {
			metrics = "metrics"
		}
	}
	text := strings.NewReplacer("@DIR@", dir, "@LISTEN@", address, "@METRICS@", metrics).Replace(demoConf)
	err = os.Chmod(dir, 0o755)
	for name, data := range map[string][]byte{"nginx.conf": []byte(text), "html/index.html": demoPage} {
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o644)
		}
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}
