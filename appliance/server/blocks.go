package server

import (
	"encoding/json"
	"errors"

	"weir/appliance/cycle"
)

// blocks is the cycle.Blocker of a server: encoded changes on their way to Run's
// goroutine, which tells the master.
type blocks chan string

// Bounds of what modules can have on its way.
const (
	maxBlocks        = 256
	maxBlockNetworks = 256
)

var errTooManyBlocks = errors.New("too many changes of the packet filter at once")

// Block implements cycle.Blocker.
func (b blocks) Block(c cycle.BlockChange) error {
	if len(c.Networks) > maxBlockNetworks {
		return errTooManyBlocks
	}
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	select {
	case b <- string(data):
		return nil
	default:
		return errTooManyBlocks
	}
}

// DecodeBlock reads the Text of a Block message.
func DecodeBlock(text string) (c cycle.BlockChange, err error) {
	err = json.Unmarshal([]byte(text), &c)
	return c, err
}
