package oci

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"weir/images/deb"
)

func image(t *testing.T) []byte {
	t.Helper()
	im := &Image{
		Name: "weir:1.0", Entrypoint: []string{"/weir"}, Cmd: []string{"-g", "daemon off;"}, Ports: []string{"8080/tcp"},
		StopSignal: "SIGQUIT", Labels: map[string]string{"b": "2", "a": "1"}, Time: time.Unix(1700000000, 0),
		Files: []deb.File{{Name: "etc/weir/nginx.conf", Mode: 0o644, Data: []byte("x")}, {Name: "weir", Mode: 0o755, Data: []byte("program")}},
	}
	var b bytes.Buffer
	if err := im.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(image(t), image(t)) {
		t.Error("two images of the same files differ")
	}
}

func TestEveryDigestIsThatOfItsBlob(t *testing.T) {
	blobs := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(image(t)))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		blobs[h.Name], _ = io.ReadAll(r)
	}
	for name, data := range blobs {
		if digest, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && digest != sum(data) {
			t.Errorf("%s holds %s", name, sum(data))
		}
	}
	var index struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	get := func(d descriptor, into any) []byte {
		t.Helper()
		data := blobs["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if int64(len(data)) != d.Size {
			t.Errorf("%s has %d bytes, want %d", d.Digest, len(data), d.Size)
		}
		if into != nil {
			if err := json.Unmarshal(data, into); err != nil {
				t.Error(err)
			}
		}
		return data
	}
	if err := json.Unmarshal(blobs["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		t.Fatalf("%v, %d manifests", err, len(index.Manifests))
	}
	get(index.Manifests[0], &manifest)
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
		Config struct{ StopSignal string }
	}
	get(manifest.Config, &config)
	layer := get(manifest.Layers[0], nil)
	if diff, err := uncompressed(layer); err != nil || config.RootFS.DiffIDs[0] != "sha256:"+diff {
		t.Errorf("diff_ids %q, %v, want %s", config.RootFS.DiffIDs, err, diff)
	}
	if config.Config.StopSignal != "SIGQUIT" {
		t.Errorf("StopSignal is %q", config.Config.StopSignal)
	}
}
