package pid1

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/ntp"
	"golang.org/x/sys/unix"

	"weir/tuning/machine"
)

// builtFile holds the time the image was made of, in seconds since 1970: the
// clock is never earlier, so that certificates are not found not yet valid on
// hardware whose clock has no battery.
const builtFile = "/etc/weir/built"

const (
	clockPause = 17 * time.Minute // between two questions
	clockRetry = 5 * time.Second  // while no server has answered
	clockStep  = 128 * time.Millisecond
)

// setClock keeps the clock right by the given servers, or those that leases
// name (RFC 4330): larger differences are stepped, smaller ones left to drift
// back by slewing.
func setClock(con *console, given []string, leased func() []string) {
	if built, err := strconv.ParseInt(strings.TrimSpace(machine.Value(builtFile)), 10, 64); err == nil && time.Now().Unix() < built {
		step(con, time.Until(time.Unix(built, 0)), "the image's age")
	}
	for {
		servers := given
		if len(servers) == 0 {
			servers = leased()
		}
		pause := clockRetry
		for _, s := range servers {
			r, err := ntp.Query(s)
			if err == nil {
				err = r.Validate()
			}
			if err != nil {
				continue
			}
			adjust(con, r.ClockOffset, s)
			pause = clockPause
			break
		}
		time.Sleep(pause)
	}
}

func adjust(con *console, by time.Duration, server string) {
	if by > clockStep || by < -clockStep {
		step(con, by, server)
		return
	}
	tx := unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT, Offset: by.Microseconds()}
	_, _ = unix.Adjtimex(&tx) // an offset this small does no harm
}

func step(con *console, by time.Duration, why string) {
	t := unix.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := unix.Settimeofday(&t); err != nil {
		con.log("clock: %v", err)
		return
	}
	con.log("clock set by %v (%s)", by.Round(time.Millisecond), why)
}

// seedFile keeps randomness over a restart: a machine without a hardware
// source starts its pool with it.
const seedFile = dataDir + "/seed"

// seed stirs the kept randomness into the kernel's pool and replaces it, so
// that no start uses the same twice. It is not credited: a copied disk has the
// same seed.
func seed() {
	if old, err := os.ReadFile(seedFile); err == nil {
		_ = os.WriteFile("/dev/urandom", old, 0)
	}
	fresh := make([]byte, 512)
	if n, err := unix.Getrandom(fresh, unix.GRND_NONBLOCK); err == nil && n == len(fresh) {
		_ = os.WriteFile(seedFile, fresh, 0o600)
	}
}
