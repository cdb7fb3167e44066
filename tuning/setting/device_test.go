package setting

import (
	"errors"
	"syscall"
	"testing"

	"github.com/safchain/ethtool"
)

// card is a driver in memory.
type card struct {
	channels ethtool.Channels
	ring     ethtool.Ring
	coalesce ethtool.Coalesce
	refusal  error // of every change
}

func (c *card) GetChannels(string) (ethtool.Channels, error) { return c.channels, nil }
func (c *card) GetRing(string) (ethtool.Ring, error)         { return c.ring, nil }
func (c *card) GetCoalesce(string) (ethtool.Coalesce, error) { return c.coalesce, nil }

func (c *card) SetChannels(_ string, to ethtool.Channels) (ethtool.Channels, error) {
	if c.refusal == nil {
		c.channels = to
	}
	return to, c.refusal
}

func (c *card) SetRing(_ string, to ethtool.Ring) (ethtool.Ring, error) {
	if c.refusal == nil {
		c.ring = to
	}
	return to, c.refusal
}

func (c *card) SetCoalesce(_ string, to ethtool.Coalesce) (ethtool.Coalesce, error) {
	if c.refusal == nil {
		c.coalesce = to
	}
	return to, c.refusal
}

func TestDevicesValuesGoThereAndBack(t *testing.T) {
	combined := ethtool.Channels{MaxCombined: 8, CombinedCount: 2, OtherCount: 1}
	apart := ethtool.Channels{MaxRx: 4, MaxTx: 4, RxCount: 1, TxCount: 2}
	for _, c := range []struct {
		what, before, after string
		card                card
	}{
		{"channels", "combined 2", "combined 8", card{channels: combined}},
		{"channels", "rx 1 tx 2", "rx 4 tx 4", card{channels: apart}},
		{"ring", "rx 256 tx 128", "rx 1024 tx 512", card{ring: ethtool.Ring{RxPending: 256, TxPending: 128, RxMaxPending: 4096, RxMiniPending: 3}}},
		{"adaptive-rx", "off", "on", card{coalesce: ethtool.Coalesce{RxCoalesceUsecs: 3}}},
		{"adaptive-rx", "on", "off", card{coalesce: ethtool.Coalesce{UseAdaptiveRxCoalesce: 1}}},
		{"rx-usecs", "3", "50", card{coalesce: ethtool.Coalesce{RxCoalesceUsecs: 3, TxCoalesceUsecs: 9}}},
	} {
		first, p := c.card, parts[c.what]
		for _, step := range []struct{ now, next string }{{c.before, c.after}, {c.after, c.before}} {
			if got, err := p.read(&c.card, "x"); got != step.now || err != nil {
				t.Errorf("%s is %q, %v, want %q", c.what, got, err, step.now)
			}
			if err := p.change(&c.card, "x", step.next); err != nil {
				t.Errorf("%s to %q: %v", c.what, step.next, err)
			}
		}
		if c.card != first { // what is set beside it came back, too
			t.Errorf("%s left %+v, want %+v", c.what, c.card, first)
		}
	}
}

func TestWhatADriverRefusesIsNotOffered(t *testing.T) {
	for what, value := range map[string]string{"channels": "combined 3", "ring": "rx 1 tx 1", "adaptive-rx": "on", "rx-usecs": "7"} {
		for _, refusal := range []error{syscall.EINVAL, syscall.EOPNOTSUPP} {
			if err := parts[what].change(&card{refusal: refusal}, "x", value); !errors.Is(err, ErrNotOffered) {
				t.Errorf("%s: %v gives %v, want ErrNotOffered", what, refusal, err)
			}
		}
		if what != "adaptive-rx" { // which is on or anything else
			if err := parts[what].change(&card{}, "x", "much"); err == nil {
				t.Errorf("%s: nonsense was written", what)
			}
		}
	}
}
