package keeper

import (
	"crypto/hmac"
	"crypto/sha256"
)

// A device token marks a browser as one that signed in to an account before:
// hash of the login 16 B | MAC 16 B. Strangers' failed guesses then do not make
// its owner wait. It opens nothing.
const deviceHalf = 16

func deviceHash(login string) []byte {
	sum := sha256.Sum256([]byte("cofferdam/device/v1\x00" + login))
	return sum[:deviceHalf]
}

func (k *Keeper) deviceMAC(hash []byte) []byte {
	m := hmac.New(sha256.New, k.cfg.DeviceKey)
	m.Write(hash)
	return m.Sum(nil)[:deviceHalf]
}

func (k *Keeper) deviceToken(login string) []byte {
	h := deviceHash(login)
	return append(h, k.deviceMAC(h)...)
}

// openDevice is the login hash of a token of ours.
func (k *Keeper) openDevice(token []byte) ([]byte, bool) {
	if len(token) != 2*deviceHalf || !hmac.Equal(token[deviceHalf:], k.deviceMAC(token[:deviceHalf])) {
		return nil, false
	}
	return token[:deviceHalf], true
}
