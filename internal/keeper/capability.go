package keeper

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// A capability is what a cell shows to keeper and porter: proof that keeper gave
// it this person's session. Bytes: version 1 | epoch 8 | uid 16 | session 32 |
// fence 8 | random 8 | MAC 32. The MAC covers the cell's name too, which is not
// in it: the line by which a call comes says that. A keeper that was restarted
// knows its predecessor's capabilities by the MAC; a cell cannot make or renew
// one.
const (
	capVersion = 1
	capHead    = 1 + 8 + 16 + 32 + 8 + 8
	capLen     = capHead + 32
)

type capability struct {
	uid     user.ID
	session seal.SessionHash
	fence   int64
}

func makeCapability(e seal.Epoch, c capability, cell string) ([]byte, error) {
	b := make([]byte, 0, capLen+len(cell))
	b = append(b, capVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Number))
	b = append(b, c.uid[:]...)
	b = append(b, c.session[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(c.fence))
	var random [8]byte
	rand.Read(random[:])
	b = append(b, random[:]...)
	mac, err := e.CapabilityMAC(append(b[:capHead:capHead], cell...))
	if err != nil {
		return nil, err
	}
	return append(b, mac...), nil
}

// parseCapability checks a capability that came by a cell's line.
func (k *Keeper) parseCapability(b []byte, cell string) (capability, error) {
	var c capability
	if len(b) != capLen || b[0] != capVersion {
		return c, ipc.Errorf(ipc.CodeForbidden, "that is no capability")
	}
	c.uid = user.ID(b[9:25])
	c.session = seal.SessionHash(b[25:57])
	c.fence = int64(binary.BigEndian.Uint64(b[57:65]))
	e, ok := k.epochs.find(int64(binary.BigEndian.Uint64(b[1:])))
	if !ok {
		return c, k.parseOld(b, c, cell)
	}
	mac, err := e.CapabilityMAC(append(b[:capHead:capHead], cell...))
	if err != nil {
		return c, err
	}
	if subtle.ConstantTimeCompare(mac, b[capHead:]) != 1 {
		return c, ipc.Errorf(ipc.CodeForbidden, "capability is forged or of another cell")
	}
	return c, nil
}

// parseOld checks a capability whose epoch is over, so that there is no key for
// its MAC: it is good while it is the very one that a live session holds. Without
// this the turn of an epoch would send everybody through their cell's door anew.
func (k *Keeper) parseOld(b []byte, c capability, cell string) error {
	if s := k.live.get(c.session); s != nil {
		at, ended := s.now()
		if !ended && at.cell == cell && subtle.ConstantTimeCompare(at.capability, b) == 1 {
			return nil
		}
	}
	return ipc.Errorf(ipc.CodeUnknown, "capability is of an old epoch")
}
