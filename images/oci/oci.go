package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"weir/images/deb"
)

// Image is what an image holds and how it is started.
type Image struct {
	Name       string // "weir:1.0"
	Files      []deb.File
	Entrypoint []string
	Cmd        []string
	Ports      []string // "8080/tcp"
	StopSignal string
	Labels     map[string]string
	Time       time.Time
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Write writes the image as a tar file.
func (im *Image) Write(w io.Writer) error {
	layer, err := deb.Tar(im.Files, im.Time)
	if err != nil {
		return err
	}
	diff, err := uncompressed(layer)
	if err != nil {
		return err
	}
	config := im.config(diff)
	manifest := marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        blob("application/vnd.oci.image.config.v1+json", config),
		"layers":        []descriptor{blob("application/vnd.oci.image.layer.v1.tar+gzip", layer)},
	})
	top := blob("application/vnd.oci.image.manifest.v1+json", manifest)
	top.Annotations = map[string]string{"org.opencontainers.image.ref.name": im.Name}
	index := marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []descriptor{top}})
	docker := marshal([]map[string]any{{"Config": path(config), "RepoTags": []string{im.Name}, "Layers": []string{path(layer)}}})

	t := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		data []byte
	}{
		{path(config), config}, {path(layer), layer}, {path(manifest), manifest},
		{"index.json", index}, {"manifest.json", docker}, {"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
	} {
		if err := t.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), ModTime: im.Time, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return t.Close()
}

// config is the image configuration.
func (im *Image) config(diff string) []byte {
	ports := map[string]struct{}{}
	for _, p := range im.Ports {
		ports[p] = struct{}{}
	}
	return marshal(map[string]any{
		"created": im.Time.UTC().Format(time.RFC3339), "architecture": "amd64", "os": "linux",
		"config": map[string]any{
			"Entrypoint": im.Entrypoint, "Cmd": im.Cmd, "ExposedPorts": ports, "StopSignal": im.StopSignal,
			"WorkingDir": "/", "Labels": im.Labels,
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + diff}},
		"history": []map[string]string{{"created": im.Time.UTC().Format(time.RFC3339), "created_by": "weir images"}},
	})
}

// marshal cannot fail on what it is given here, and sorts the keys of maps.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func path(data []byte) string { return "blobs/sha256/" + sum(data) }

func blob(kind string, data []byte) descriptor {
	return descriptor{MediaType: kind, Digest: "sha256:" + sum(data), Size: int64(len(data))}
}

// uncompressed is the sum of a layer's tar, by which a layer is known however
// it is compressed.
func uncompressed(layer []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, z); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
