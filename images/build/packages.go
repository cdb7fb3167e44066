package main

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"

	"weir/images/deb"
	"weir/images/oci"
)

// files are what packages hold beside the program.
//
//go:embed files
var files embed.FS

func text(name string) []byte {
	data, err := fs.ReadFile(files, "files/"+name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return data
}

// deb makes the Debian package: program, unit, temporary directories and a
// configuration that the administrator owns.
func (b *builder) deb() error {
	p := &deb.Package{
		Time: b.time,
		Control: fmt.Sprintf("Package: weir\nVersion: %s\nArchitecture: amd64\nMaintainer: weir's founders <weir@localhost>\n"+
			"Section: httpd\nPriority: optional\nProvides: httpd\n"+
			"Description: web platform that takes nginx configurations and Lua as they are\n"+
			" Reverse proxy, API gateway and web server in one static program.\n", b.version),
		Scripts: map[string]string{"postinst": string(text("postinst")), "prerm": string(text("prerm")), "postrm": string(text("postrm"))},
		Files: []deb.File{
			{Name: "usr/sbin/weir", Mode: 0o755, Data: b.program},
			{Name: "usr/lib/systemd/system/weir.service", Mode: 0o644, Data: text("weir.service")},
			{Name: "usr/lib/systemd/system/weir.socket", Mode: 0o644, Data: text("weir.socket")},
			{Name: "usr/lib/tmpfiles.d/weir.conf", Mode: 0o644, Data: text("tmpfiles.conf")},
			{Name: "usr/share/doc/weir/copyright", Mode: 0o644, Data: b.license},
			{Name: "etc/weir/nginx.conf", Mode: 0o644, Data: text("nginx.conf"), Conf: true},
		},
	}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		return err
	}
	return b.write(fmt.Sprintf("weir_%s_amd64.deb", b.version), out.Bytes())
}

// oci makes the container image: the program and a configuration, nothing
// else.
func (b *builder) oci() error {
	im := &oci.Image{
		Name: "weir:" + b.version, Time: b.time,
		Entrypoint: []string{"/weir"}, Cmd: []string{"-p", "/etc/weir/", "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off; pid /run/weir.pid;"},
		Ports: []string{"8080/tcp"}, StopSignal: "SIGQUIT",
		Labels: map[string]string{"org.opencontainers.image.title": "weir", "org.opencontainers.image.version": b.version},
		Files: []deb.File{
			{Name: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\nnobody:x:65534:\n")},
			{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n")},
			{Name: "etc/weir/nginx.conf", Mode: 0o644, Data: text("container.conf")},
			{Name: "run", Mode: 0o755, Dir: true},
			{Name: "tmp", Mode: 0o1777, Dir: true},
			{Name: "usr/share/doc/weir/copyright", Mode: 0o644, Data: b.license},
			{Name: "weir", Mode: 0o755, Data: b.program},
		},
	}
	var out bytes.Buffer
	if err := im.Write(&out); err != nil {
		return err
	}
	return b.write("weir-oci.tar", out.Bytes())
}
