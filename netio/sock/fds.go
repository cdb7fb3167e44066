package sock

import (
	"errors"

	"golang.org/x/sys/unix"
)

// MaxFDs is how many descriptors one message carries (the kernel's
// SCM_MAX_FD).
const MaxFDs = 253

var errControl = errors.New("recvmsg(): control message was cut off")

// SeqPair returns two connected SOCK_SEQPACKET sockets, closed on exec and
// blocking: the channel between master and server.
func SeqPair() (a, b int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	return p[0], p[1], fail("socketpair()", err)
}

// SendFDs sends one message with descriptors, at most MaxFDs. It may block,
// and is not for the data path. The descriptors stay open here.
func SendFDs(fd int, data []byte, fds []int) error {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(fd, data, oob, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return fail("sendmsg()", err)
		}
	}
}

// RecvFDs receives one message into data and returns its length and the
// descriptors that came with it, closed on exec. A closed peer is length 0
// and no error. When part of the descriptors was cut off, those that came
// are closed and it is an error.
func RecvFDs(fd int, data []byte) (n int, fds []int, err error) {
	oob := make([]byte, unix.CmsgSpace(MaxFDs*4))
	var oobn, flags int
	for {
		n, oobn, flags, _, err = unix.Recvmsg(fd, data, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, nil, fail("recvmsg()", err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return 0, nil, err
	}
	for i := range msgs {
		got, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue // credentials or another kind: not descriptors
		}
		fds = append(fds, got...)
	}
	if flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		for _, f := range fds {
			Close(f)
		}
		return 0, nil, errControl
	}
	return n, fds, nil
}
