package submission

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scram is the client's side of SCRAM-SHA-256 (RFC 5802 and RFC 7677), with the
// names of RFC 5802. Channel binding is not used: gs2-cbind-flag "n".
type scram struct {
	password  []byte // the caller's
	firstBare string // client-first-message-bare
	nonce     string // c-nonce
	step      int
	signature []byte // ServerSignature, once it can be known
	verified  bool   // the server has shown that it knows the password, too
}

// errIterations: the server asks for too little work or for too much.
var errIterations = fmt.Errorf("%w: SCRAM: iteration count", ErrProtocol)

const gs2Header = "n,,"

// newScram makes one with a nonce of 18 random bytes: 144 bits.
func newScram(user string, password []byte) *scram {
	var b [18]byte
	rand.Read(b[:])
	return scramWith(user, password, base64.StdEncoding.EncodeToString(b[:]))
}

func scramWith(user string, password []byte, nonce string) *scram {
	return &scram{password: password, nonce: nonce, firstBare: "n=" + saslName(user) + ",r=" + nonce}
}

// scramable says whether user and password are the same before and after SASLprep
// (RFC 4013): ASCII without control characters is. Beyond ASCII servers differ in
// what they hash, so that a right password would be refused.
func scramable(user string, password []byte) bool {
	for _, c := range concat(user, password) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// first is the client-first-message.
func (s *scram) first() []byte { return []byte(gs2Header + s.firstBare) }

// next answers a challenge: the server-first-message, then the server-final-message,
// whose answer is empty (RFC 4422, section 3.6).
func (s *scram) next(challenge []byte) ([]byte, error) {
	s.step++
	switch s.step {
	case 1:
		return s.final(string(challenge))
	case 2:
		return []byte{}, s.verify(string(challenge))
	}
	return nil, fmt.Errorf("%w: more SCRAM than there is", ErrProtocol)
}

// final is the client-final-message (RFC 5802, section 3).
func (s *scram) final(serverFirst string) ([]byte, error) {
	nonce, salt, iterations, err := s.parseFirst(serverFirst)
	if err != nil {
		return nil, err
	}
	salted := hi(s.password, salt, iterations)
	defer clear(salted)
	withoutProof := "c=" + base64.StdEncoding.EncodeToString([]byte(gs2Header)) + ",r=" + nonce
	authMessage := []byte(s.firstBare + "," + serverFirst + "," + withoutProof)
	clientKey := mac(salted, []byte("Client Key"))
	defer clear(clientKey)
	storedKey := sha256.Sum256(clientKey)
	proof := mac(storedKey[:], authMessage)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	s.signature = mac(mac(salted, []byte("Server Key")), authMessage)
	return []byte(withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// parseFirst reads a server-first-message. An extension that it does not know how
// to obey ("m=") ends the exchange (section 5.1), as any other attribute in front
// does; those behind are ignored.
func (s *scram) parseFirst(text string) (nonce string, salt []byte, iterations int, err error) {
	bad := func(what string) error { return fmt.Errorf("%w: SCRAM: %s", ErrProtocol, what) }
	part := strings.SplitN(text, ",", 4)
	if len(part) < 3 || !strings.HasPrefix(part[0], "r=") || !strings.HasPrefix(part[1], "s=") || !strings.HasPrefix(part[2], "i=") {
		return "", nil, 0, bad("first message of the server")
	}
	nonce = part[0][2:]
	if rest, ours := strings.CutPrefix(nonce, s.nonce); !ours || rest == "" {
		return "", nil, 0, bad("nonce")
	}
	if salt, err = base64.StdEncoding.Strict().DecodeString(part[1][2:]); err != nil || len(salt) == 0 {
		return "", nil, 0, bad("salt")
	}
	if iterations, err = strconv.Atoi(part[2][2:]); err != nil || iterations < minIterations || iterations > maxIterations {
		return "", nil, 0, errIterations
	}
	return nonce, salt, iterations, nil
}

// verify reads the server-final-message: a server that cannot sign does not know
// the password, and is not the one it says it is.
func (s *scram) verify(text string) error {
	v, _, _ := strings.Cut(text, ",")
	got, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(v, "v="))
	if !strings.HasPrefix(v, "v=") || err != nil || !hmac.Equal(got, s.signature) {
		return errors.Join(ErrProtocol, errors.New("SCRAM: the server's signature"))
	}
	s.verified = true
	return nil
}

// hi is Hi (section 2.2), which is PBKDF2 with one block.
func hi(password, salt []byte, iterations int) []byte {
	h := hmac.New(sha256.New, password)
	h.Write(salt)
	h.Write([]byte{0, 0, 0, 1})
	u := h.Sum(nil)
	out := bytes.Clone(u)
	for range iterations - 1 {
		h.Reset()
		h.Write(u)
		u = h.Sum(u[:0])
		for i := range out {
			out[i] ^= u[i]
		}
	}
	return out
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
