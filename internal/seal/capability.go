package seal

// CapabilityMAC authenticates a capability of keeper's under an epoch, so that a
// successor keeper, which vault gave the epoch key, knows it again.
func (e Epoch) CapabilityMAC(data []byte) ([]byte, error) {
	b, err := e.Key.usable()
	if err != nil {
		return nil, err
	}
	k, err := extract("cofferdam/capability/v1", b)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	m, err := k.mac(data)
	return m[:], err
}

// RevealCredential opens a credential of any login. The caller learns whose it
// is and must check that before acting on it; with a login at hand use
// OpenCredential.
func (k PrivateKey) RevealCredential(box []byte) (Credential, error) {
	plain, err := k.Open(credentialLabel, nil, box)
	if err != nil {
		return Credential{}, err
	}
	defer clear(plain)
	return decodeCredential(plain)
}
