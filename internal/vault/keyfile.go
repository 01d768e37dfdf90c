package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/seal"
)

const (
	keyFileName   = "vault.key"
	keyFileHeader = "cofferdam vault key v1"
	// maxKeyFile bounds the key file in bytes: a header and two keys.
	maxKeyFile = 512
)

// errNoKeyFile says that the file is not there.
var errNoKeyFile = errors.New("no key file")

// vaultKey is a vault key with its number; higher is newer.
type vaultKey struct {
	number  int64
	created time.Time
	key     seal.VaultKey
}

// newVaultKey makes the key after a number.
func newVaultKey(after int64) vaultKey {
	return vaultKey{after + 1, time.Now().Truncate(time.Second), seal.NewVaultKey()}
}

// readKeyFile reads one or two keys, oldest first.
func readKeyFile(dir string) ([]vaultKey, error) {
	path := filepath.Join(dir, keyFileName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoKeyFile
	}
	if err != nil {
		return nil, fmt.Errorf("reading vault's key file: %w", err)
	}
	defer clear(text)
	keys, err := parseKeyFile(text)
	if err != nil {
		return nil, fmt.Errorf("reading vault's key file %s: %w", path, err)
	}
	return keys, nil
}

// parseKeyFile is strict: a header line, then one or two lines
// "number created key", numbers ascending by one, a final line break.
func parseKeyFile(text []byte) ([]vaultKey, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("%d bytes: %w", len(text), seal.ErrFormat)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 || len(lines) > 4 || lines[0] != keyFileHeader || lines[len(lines)-1] != "" {
		return nil, fmt.Errorf("header or number of lines: %w", seal.ErrFormat)
	}
	var keys []vaultKey
	for i, line := range lines[1 : len(lines)-1] {
		k, err := parseKeyLine(line)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if i > 0 && k.number != keys[i-1].number+1 {
			return nil, fmt.Errorf("key %d after key %d: %w", k.number, keys[i-1].number, seal.ErrFormat)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func parseKeyLine(line string) (vaultKey, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return vaultKey{}, seal.ErrFormat
	}
	number, err1 := strconv.ParseInt(fields[0], 10, 64)
	created, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil || number < 1 || created < 1 {
		return vaultKey{}, seal.ErrFormat
	}
	b, err := seal.DecodeBase64(fields[2])
	if err != nil {
		return vaultKey{}, err
	}
	defer clear(b)
	key, err := seal.ParseVaultKey(b)
	return vaultKey{number, time.Unix(created, 0), key}, err
}

// writeKeyFile replaces the file so that a crash leaves the old or the new one,
// and then overwrites the old one's blocks. (On disks and file systems that copy
// on write the old blocks may live on; encrypt the disk under vault.)
func writeKeyFile(dir string, keys ...vaultKey) error {
	var text bytes.Buffer
	fmt.Fprintln(&text, keyFileHeader)
	for _, k := range keys {
		fmt.Fprintln(&text, k.number, k.created.Unix(), seal.EncodeBase64(k.key.Reveal()))
	}
	defer func() { clear(text.Bytes()) }()
	if err := replaceFile(filepath.Join(dir, keyFileName), text.Bytes()); err != nil {
		return fmt.Errorf("writing vault's key file: %w", err)
	}
	return nil
}

func replaceFile(path string, content []byte) error {
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp := path + ".new"
	if err := writeDurably(tmp, content); err != nil {
		return errors.Join(err, closeIf(old))
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, closeIf(old))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, closeIf(old))
	}
	return scrub(old)
}

func closeIf(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

func writeDurably(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// scrub overwrites a file that has no name any more.
func scrub(f *os.File) error {
	if f == nil {
		return nil
	}
	_, err := f.WriteAt(make([]byte, maxKeyFile), 0)
	return errors.Join(err, f.Sync(), f.Close())
}
