package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cofferdam/internal/config"
	"cofferdam/internal/seal"
)

// checkKeys looks at what lets pages trust porter's sign-in key.
func checkKeys(c config.Config, public func(config.Config) (string, error)) []Finding {
	op := Finding{Check: "operator key", About: "The page trusts a sign-in key only if this key signed it; its private half belongs offline."}
	if c.SignIn.OperatorKey == "" {
		return []Finding{op.warn("Make one with: cofferdam key operator", "none is configured: serve makes one and keeps it beside the data")}
	}
	operator, err := readOperator(c.SignIn.OperatorKey)
	if err != nil {
		return []Finding{op.fail("Make one with: cofferdam key operator", "%s", err)}
	}
	return []Finding{op.ok("%s holds a public key", c.SignIn.OperatorKey), checkDocument(c, operator, public)}
}

func readOperator(path string) (seal.OperatorPublic, error) {
	text, err := readSmall(path)
	if err != nil {
		return seal.OperatorPublic{}, err
	}
	key, err := seal.ParseOperatorPublic(text)
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// checkDocument verifies the signed sign-in key as a page would, and that it is
// the one of this installation.
func checkDocument(c config.Config, operator seal.OperatorPublic, public func(config.Config) (string, error)) Finding {
	f := Finding{Check: "key document", About: "The page seals a password to the key in this document, which the operator key signed."}
	const advice = "Sign the key again: cofferdam key show here, then cofferdam key sign where the operator key is."
	text, err := readSmall(c.SignIn.KeyDocument)
	if err != nil {
		return f.fail(advice, "%s", err)
	}
	doc, err := seal.ParseSigninKeyDoc(text)
	if err != nil {
		return f.fail(advice, "%s: %s", c.SignIn.KeyDocument, err)
	}
	now := time.Now()
	if err := doc.Verify(operator, now); err != nil {
		return f.fail(advice, "%s: %s (valid from %s to %s)", c.SignIn.KeyDocument, err, day(doc.NotBefore), day(doc.NotAfter))
	}
	if _, err := os.Stat(filepath.Join(c.Data, "keys.json")); err == nil {
		own, err := public(c)
		if err != nil {
			return f.warn("Run doctor as who runs Cofferdam.", "the installation's own key cannot be read: %s", err)
		}
		if own != seal.EncodeBase64(doc.PublicKey) {
			return f.fail(advice, "%s is for another installation's key: nobody could sign in", c.SignIn.KeyDocument)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		return f.warn(advice, "valid until %s, but this installation has no key of its own yet", day(doc.NotAfter))
	}
	if left := doc.NotAfter.Sub(now); left < soon {
		return f.warn(advice, "ends in %s, on %s: nobody can sign in from then on", days(left), day(doc.NotAfter))
	}
	return f.ok("valid until %s", day(doc.NotAfter))
}

// readSmall reads a file that has no reason to be large.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxKeyFile)
	}
	return os.ReadFile(path)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
