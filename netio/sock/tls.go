package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Kernel TLS (linux/tls.h, Documentation/networking/tls.rst).
const (
	TLSTX = 1 // the sending direction
	TLSRX = 2 // the receiving direction

	tlsSetRecordType = 1
	tlsGetRecordType = 2
)

// SetTLS makes a connected TCP socket one of kernel TLS (TCP_ULP "tls"), which
// passes bytes as they are until SetTLSKey. ENOENT says that the kernel has
// none, or may not load it for this user.
func SetTLS(fd int) syscall.Errno { return setBytes(fd, unix.IPPROTO_TCP, unix.TCP_ULP, []byte("tls")) }

// SetTLSKey gives one direction, TLSTX or TLSRX, its keys: a struct
// tls12_crypto_info_* of the cipher.
func SetTLSKey(fd, direction int, info []byte) syscall.Errno {
	return setBytes(fd, unix.SOL_TLS, direction, info)
}
