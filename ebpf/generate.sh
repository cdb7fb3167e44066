#!/bin/sh
# generate.sh [-o DIR] STEM SOURCE: compiles a BPF program with bpf2go, from the
# folder of its package. One compiler version makes the objects, so that they
# are the same bytes everywhere; where it is absent, they stay as they are.
set -eu
out=.
if [ "$1" = -o ]; then
	out=$2
	shift 2
fi
for need in clang-14 llvm-strip-14; do
	if ! command -v $need >/dev/null 2>&1; then
		echo "ebpf: $need is absent (packages clang-14, llvm-14): $2 is not compiled again" >&2
		exit 0
	fi
done
if [ ! -e /usr/include/bpf/bpf_helpers.h ]; then
	echo "ebpf: bpf_helpers.h is absent (package libbpf-dev): $2 is not compiled again" >&2
	exit 0
fi
root=$(git rev-parse --show-toplevel 2>/dev/null || (cd ../.. && pwd))
# The kernel's asm headers stand below the machine's triplet on Debian.
exec go tool -modfile="$root/go.tool.mod" bpf2go -go-package "${GOPACKAGE:?}" -output-dir "$out" \
	-target bpfel -cc clang-14 -no-global-types \
	-cflags "-O2 -Wall -Werror -mcpu=v3 -I/usr/include/$(uname -m)-linux-gnu" "$1" "$2"
