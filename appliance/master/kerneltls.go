package master

import (
	"weir/netio/sock"
)

// offerKernelTLS has the kernel load its TLS where that is a module: only who
// has rights over the network may cause that, which the server has not. The
// ciphers come by themselves when they are first asked for. That there is none
// is no error; the server sees what is there.
func offerKernelTLS() {
	fd, err := sock.Stream(sock.IPv4)
	if err != nil {
		return
	}
	_ = sock.SetTLS(fd) // fails in any case: the socket is not connected
	sock.Close(fd)
}
