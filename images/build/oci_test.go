package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/ebpf/nstest"
)

// container is the container image taken apart.
type container struct {
	t     *testing.T
	files map[string][]byte
}

func newContainer(t *testing.T, b *builder) *container {
	t.Helper()
	if err := b.oci(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(b.out, "weir-oci.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &container{t, map[string][]byte{}}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return c
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// read decodes one of the image's files.
func (c *container) read(name string, into any) {
	c.t.Helper()
	if err := json.Unmarshal(c.files[name], into); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
}

// settings are what the image says about how it is started.
type settings struct {
	Config struct {
		Entrypoint, Cmd []string
		StopSignal      string
		ExposedPorts    map[string]*struct{}
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

func TestTheDockerfileMakesTheSameImage(t *testing.T) {
	b := &builder{version: "0.1", out: t.TempDir(), time: time.Unix(1700000000, 0), program: []byte("program")}
	_, s := newContainer(t, b).unpack()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		says[word] = rest
	}
	list := func(name string) (l []string) {
		if err := json.Unmarshal([]byte(says[name]), &l); err != nil {
			t.Errorf("%s %s: %v", name, says[name], err)
		}
		return l
	}
	if got := list("ENTRYPOINT"); !slices.Equal(got, s.Config.Entrypoint) {
		t.Errorf("ENTRYPOINT is %q, want %q", got, s.Config.Entrypoint)
	}
	if got := list("CMD"); !slices.Equal(got, s.Config.Cmd) {
		t.Errorf("CMD is %q, want %q", got, s.Config.Cmd)
	}
	if says["STOPSIGNAL"] != s.Config.StopSignal || s.Config.ExposedPorts[says["EXPOSE"]+"/tcp"] == nil {
		t.Errorf("STOPSIGNAL %s, EXPOSE %s, want %s and one of %v", says["STOPSIGNAL"], says["EXPOSE"], s.Config.StopSignal, s.Config.ExposedPorts)
	}
}

// TestDockerLoadsTheContainerImage reads the archive as docker does, by its
// manifest.json.
func TestDockerLoadsTheContainerImage(t *testing.T) {
	b := &builder{version: "0.1", out: t.TempDir(), time: time.Unix(1700000000, 0), program: []byte("program")}
	c := newContainer(t, b)
	var images []struct {
		Config           string
		RepoTags, Layers []string
	}
	c.read("manifest.json", &images)
	if len(images) != 1 || len(images[0].RepoTags) != 1 || images[0].RepoTags[0] != "weir:0.1" {
		t.Fatalf("the archive has %+v", images)
	}
	var s settings
	c.read(images[0].Config, &s)
	if len(s.RootFS.DiffIDs) != len(images[0].Layers) {
		t.Fatalf("%d layers and %d sums of them", len(images[0].Layers), len(s.RootFS.DiffIDs))
	}
	for i, name := range images[0].Layers {
		z, err := gzip.NewReader(bytes.NewReader(c.files[name]))
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if _, err := io.Copy(h, z); err != nil {
			t.Fatal(err)
		}
		if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); got != s.RootFS.DiffIDs[i] {
			t.Errorf("layer %d is %s, want %s", i, got, s.RootFS.DiffIDs[i])
		}
	}
	if skopeo, err := exec.LookPath("skopeo"); err == nil {
		for _, kind := range []string{"oci-archive", "docker-archive"} {
			out, err := exec.Command(skopeo, "copy", "--insecure-policy", kind+":"+filepath.Join(b.out, "weir-oci.tar"), "dir:"+t.TempDir()).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", kind, err, out)
			}
		}
	}
}

// unpack makes a root file system of the layers, and returns what the image says
// about its start.
func (c *container) unpack() (root string, s settings) {
	c.t.Helper()
	var index, manifest struct {
		Manifests, Layers []struct{ Digest string }
		Config            struct{ Digest string }
	}
	blob := func(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }
	c.read("index.json", &index)
	c.read(blob(index.Manifests[0].Digest), &manifest)
	c.read(blob(manifest.Config.Digest), &s)
	root = c.t.TempDir()
	for _, l := range manifest.Layers {
		layer := filepath.Join(c.t.TempDir(), "layer.tar.gz")
		if err := os.WriteFile(layer, c.files[blob(l.Digest)], 0o600); err != nil {
			c.t.Fatal(err)
		}
		if out, err := exec.Command("tar", "-xzf", layer, "-C", root).CombinedOutput(); err != nil {
			c.t.Fatalf("%v\n%s", err, out)
		}
	}
	return root, s
}

// workload is how a container is started.
type workload struct {
	name  string
	args  []string // behind the entry point; nil: the image's
	user  int
	caps  []string
	conf  string // directory over /etc/weir; "": the image's
	path  string // asked for
	body  string // and answered with
	group int
	// steered says that its capabilities are to suffice for steering.
	steered bool
}

// bundle writes what runc needs.
func (w *workload) bundle(t *testing.T, root string, s *settings) (dir string) {
	t.Helper()
	args := w.args
	if args == nil {
		args = s.Config.Cmd
	}
	mounts := []map[string]any{
		{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755"}},
		{"destination": "/run", "type": "tmpfs", "source": "tmpfs"},
		{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": []string{"mode=1777"}},
	}
	if w.conf != "" {
		mounts = append(mounts, map[string]any{"destination": "/etc/weir", "type": "bind", "source": w.conf, "options": []string{"bind", "ro"}})
	}
	data, err := json.Marshal(map[string]any{
		"ociVersion": "1.0.2",
		"root":       map[string]any{"path": root, "readonly": true},
		"process": map[string]any{
			"user": map[string]int{"uid": w.user, "gid": w.group}, "cwd": "/", "args": append(s.Config.Entrypoint, args...), "env": []string{"PATH=/"},
			"capabilities": map[string]any{"bounding": w.caps, "effective": w.caps, "permitted": w.caps}, "noNewPrivileges": true,
		},
		"mounts": mounts,
		// No network namespace: the one of the test. No control groups: they
		// are the machine's.
		"linux": map[string]any{"namespaces": []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}},
	})
	dir = t.TempDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// dockerCaps are those of docker's defaults that matter here.
var dockerCaps = []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_NET_BIND_SERVICE"}

func TestTheContainerImageRunsAndStops(t *testing.T) {
	needTools(t, "runc", "tar")
	root, s := newContainer(t, programOnly(t, "0.1")).unpack()
	loads := append(clusterWorkloads(t), workload{name: "docker", caps: dockerCaps, path: "/", body: "weir is running\n"})
	for _, w := range loads {
		for _, signal := range []string{"TERM", "QUIT"} {
			t.Run(w.name+" "+signal, func(t *testing.T) {
				nstest.Enter(t) // a subtest has a thread of its own
				w.run(t, w.bundle(t, root, &s), signal)
			})
		}
	}
}

// run runs the container in the network namespace of the caller's thread, until
// a signal ends it.
func (w *workload) run(t *testing.T, bundle, signal string) {
	state := t.TempDir()
	name := fmt.Sprintf("weir-test-%d-%s-%s", os.Getpid(), w.name, strings.ToLower(signal))
	runc := func(args ...string) *exec.Cmd {
		return exec.Command("runc", append([]string{"--root", state}, args...)...)
	}
	var out bytes.Buffer
	cmd := runc("run", "--bundle", bundle, name)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the container
	t.Cleanup(func() { _ = runc("delete", "--force", name).Run() })
	var code int
	var body string
	eventually(t, "answer", func() bool {
		var err error
		select {
		case err := <-ended:
			t.Fatalf("the container ended: %v\n%s", err, out.String())
		default:
		}
		code, body, err = answers("127.0.0.1:8080", w.path)
		return err == nil
	})
	if code != http.StatusOK || body != w.body {
		t.Errorf("got %d %q", code, body)
	}
	if w.steered && runtime.NumCPU() > 1 {
		if _, text, err := answers("127.0.0.1:8080", "/metrics"); !strings.Contains(text, `weir_steering_info{mode="load",rung="ebpf"} 1`) {
			t.Errorf("its rights do not suffice for programs in the kernel: %v\n%s", err, text[:min(len(text), 2000)])
		}
	}
	if text, err := runc("kill", name, signal).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after %s it ended with %v\n%s", signal, err, out.String())
		}
	case <-time.After(installTime):
		t.Errorf("%s does not end it\n%s", signal, out.String())
	}
	if strings.Contains(out.String(), "[error]") || strings.Contains(out.String(), "[alert]") || w.path == "/" && !strings.Contains(out.String(), "GET / HTTP/1.1") {
		t.Errorf("it said\n%s", out.String())
	}
}
