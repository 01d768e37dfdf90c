package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cofferdam/internal/config"
	"cofferdam/internal/seal"
)

// keys are the long-lived keys of an installation that no database holds. The
// file is readable by the supervisor alone, which hands each role its own.
type keys struct {
	V          int    `json:"v"`
	SignIn     []byte `json:"signIn"`     // porter's: private key of the sign-in box
	Credential []byte `json:"credential"` // porter's: private key of the credential box
	Device     []byte `json:"device"`     // keeper's: MAC of device tokens
	VAPID      []byte `json:"vapid"`      // courier's: private key by which push services know us

	operator seal.OperatorPublic
	document []byte    // the signed sign-in key document
	until    time.Time // its end
}

const (
	keysFile     = "keys.json"
	onlineFile   = "operator-online.key"
	documentLife = 90 * 24 * time.Hour
	onlineLife   = 30 * 24 * time.Hour
)

// loadKeys reads the installation's keys, or makes them at the first start.
func loadKeys(c config.Config) (*keys, error) {
	k, err := readKeys(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = makeKeys(c.Data)
	}
	if err == nil && len(k.VAPID) == 0 {
		err = k.addVAPID(c.Data)
	}
	if err != nil {
		return nil, err
	}
	if c.SignIn.OperatorKey == "" {
		return k, k.signOnline(c.Data)
	}
	return k, k.readDocument(c.SignIn)
}

func readKeys(folder string) (*keys, error) {
	data, err := os.ReadFile(filepath.Join(folder, keysFile))
	if err != nil {
		return nil, err
	}
	var k keys
	if err := json.Unmarshal(data, &k); err != nil || k.V != 1 {
		return nil, fmt.Errorf("%s in the data folder cannot be read: %w", keysFile, err)
	}
	return &k, nil
}

func makeKeys(folder string) (*keys, error) {
	signIn, err := seal.NewSigninKey()
	if err != nil {
		return nil, err
	}
	credential, err := seal.NewPrivateKey()
	if err != nil {
		return nil, err
	}
	k := &keys{V: 1, SignIn: signIn.Reveal(), Credential: credential.Reveal(), Device: make([]byte, 32)}
	rand.Read(k.Device)
	return k, k.addVAPID(folder)
}

// addVAPID makes the key by which push services know the installation, which an
// installation of before push has not, and writes the file.
func (k *keys) addVAPID(folder string) error {
	vapid, err := seal.NewVAPIDKey()
	if err != nil {
		return err
	}
	if k.VAPID, err = vapid.Reveal(); err != nil {
		return err
	}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, keysFile), data)
}

// vapidPublic is what clients hand to push services.
func (k *keys) vapidPublic() (string, error) {
	vapid, err := seal.ParseVAPIDKey(k.VAPID)
	if err != nil {
		return "", err
	}
	return vapid.Public()
}

// writeFile writes a file, whole or not at all.
func writeFile(path string, data []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// readDocument takes the operator's public key and the document it signed.
func (k *keys) readDocument(c config.SignIn) error {
	text, err := os.ReadFile(c.OperatorKey)
	if err != nil {
		return fmt.Errorf("signin.operator_key: %w", err)
	}
	if k.operator, err = seal.ParseOperatorPublic(text); err != nil {
		return fmt.Errorf("signin.operator_key: %w", err)
	}
	text, err = os.ReadFile(c.KeyDocument)
	if err != nil {
		return fmt.Errorf("signin.key_document: %w", err)
	}
	doc, err := seal.ParseSigninKeyDoc(text)
	if err == nil {
		err = doc.Verify(k.operator, time.Now())
	}
	if err != nil {
		return fmt.Errorf("signin.key_document: %w", err)
	}
	k.document, err = doc.JSON()
	k.until = doc.NotAfter
	return err
}

// signOnline signs the sign-in key with an operator key that lies beside the
// data: the unsafe setting online_operator_key, which the demo uses.
func (k *keys) signOnline(folder string) error {
	op, err := onlineKey(filepath.Join(folder, onlineFile))
	if err != nil {
		return err
	}
	k.operator = op.Public()
	signIn, err := seal.ParseSigninKey(k.SignIn)
	if err != nil {
		return err
	}
	now := time.Now()
	doc, err := seal.SignSigninKey(op, signIn.Public(), now.Add(-time.Hour), now.Add(onlineLife))
	if err != nil {
		return err
	}
	k.document, err = doc.JSON()
	k.until = doc.NotAfter
	return err
}

func onlineKey(path string) (seal.OperatorKey, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return seal.ParseOperatorKey(text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return seal.OperatorKey{}, err
	}
	op, err := seal.NewOperatorKey()
	if err != nil {
		return seal.OperatorKey{}, err
	}
	text, err = op.RevealPEM()
	if err != nil {
		return seal.OperatorKey{}, err
	}
	return op, writeFile(path, text)
}

// operatorJSON is the file /operator.json, pinned beside the client.
func (k *keys) operatorJSON() []byte {
	out, err := json.Marshal(map[string]any{"v": 1, "alg": "ES256", "pk": seal.EncodeBase64(k.operator.Point())})
	if err != nil {
		panic(err) // strings and a number
	}
	return append(out, '\n')
}

// NewOperatorKey makes an operator key for cofferdam key operator: the private
// half for a place offline, the public half for the configuration.
func NewOperatorKey() (private, public []byte, err error) {
	op, err := seal.NewOperatorKey()
	if err != nil {
		return nil, nil, err
	}
	if private, err = op.RevealPEM(); err != nil {
		return nil, nil, err
	}
	public, err = op.Public().PEM()
	return private, public, err
}

// SignInPublic is the installation's sign-in public key, made if there is none
// yet, for the operator to carry to where the operator key is.
func SignInPublic(c config.Config) (string, error) {
	if err := os.MkdirAll(c.Data, 0o711); err != nil {
		return "", err
	}
	k, err := readKeys(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = makeKeys(c.Data)
	}
	if err != nil {
		return "", err
	}
	signIn, err := seal.ParseSigninKey(k.SignIn)
	if err != nil {
		return "", err
	}
	return seal.EncodeBase64(signIn.Public()), nil
}

// SignSignInKey makes the key document, where the operator key is.
func SignSignInKey(operator []byte, public string) ([]byte, error) {
	op, err := seal.ParseOperatorKey(operator)
	if err != nil {
		return nil, err
	}
	point, err := seal.DecodeBase64(public)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	doc, err := seal.SignSigninKey(op, point, now.Add(-time.Hour), now.Add(documentLife))
	if err != nil {
		return nil, err
	}
	return doc.JSON()
}
