// Package oci writes container images of one layer: an OCI image layout (image
// specification 1.1) that is a docker-archive at the same time, as one tar
// file that `skopeo`, `podman load` and `docker load` take.
//
// The same files give the same bytes.
package oci
