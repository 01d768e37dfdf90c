package vault

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/seal"
	"cofferdam/internal/store/sqlfile"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a file as vault's database: "CFDV".
const applicationID = 0x43464456

var (
	// ErrKeyLost says that there is a database but no key file: everything in it
	// is unreadable, and vault does not start over by itself.
	ErrKeyLost = errors.New("vault's database is there, but its key file is not")
	// ErrUnknown says that vault has no key of this person (any more).
	ErrUnknown = errors.New("person not known to vault")
	// ErrClosed says that the account is closed.
	ErrClosed = errors.New("account is closed")
	// ErrConflict says that a newer epoch key, or another of that number, is here.
	ErrConflict = errors.New("a newer one is here")
)

// Rate is a token bucket: Burst attempts at once, then one for each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

func (r Rate) check() error {
	if r.Burst < 1 || r.Every <= 0 {
		return fmt.Errorf("rate of %d and one each %s", r.Burst, r.Every)
	}
	return nil
}

// Config is what vault is told.
type Config struct {
	// Dir is the folder of its own; it must exist.
	Dir string
	// PerUser and Total limit attempts; zero values mean the defaults of
	// limits.go.
	PerUser, Total Rate
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("vault has no folder")
	}
	if c.PerUser == (Rate{}) {
		c.PerUser = Rate{defaultUserBurst, defaultUserEvery}
	}
	if c.Total == (Rate{}) {
		c.Total = Rate{defaultTotalBurst, defaultTotalEvery}
	}
	return c, errors.Join(c.PerUser.check(), c.Total.check())
}

// Counters are what vault counts since its start, for metrics and alarms.
type Counters struct {
	Opened         atomic.Int64 // slots whose outer layer was opened
	Refused        atomic.Int64 // slots whose outer layer did not open
	Repeated       atomic.Int64 // proofs that were shown before and cost no attempt
	ThrottledUser  atomic.Int64 // attempts over a person's limit: an alarm
	ThrottledTotal atomic.Int64 // attempts over the limit of all: an alarm
	RolledBack     atomic.Int64 // class roots older than the mirror: an alarm
	RootFaults     atomic.Int64 // classes at odds with their root, made anew: an alarm
	Destroyed      atomic.Int64
}

// Vault is the role's logic.
type Vault struct {
	cfg      Config
	log      *slog.Logger
	db       *sqlfile.DB
	counters Counters
	recent   *recent

	rekeying sync.Mutex // one Rekey at a time

	mu     sync.RWMutex // guards what follows
	keys   []vaultKey   // one, or two during a rekey; the last one wraps
	login  seal.LoginKey
	pepper map[uint32]seal.PepperKey
	newest uint32       // version of pepper
	epochs []seal.Epoch // newest first; in memory alone, never in a file
}

// Open opens vault's folder, or sets it up if it is empty. A database without
// its key file is refused with ErrKeyLost.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Vault, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	migrations, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	db, err := sqlfile.Open(ctx, filepath.Join(cfg.Dir, "vault.db"), sqlfile.Schema{ApplicationID: applicationID, Migrations: migrations})
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	v := &Vault{cfg: cfg, log: log, db: db, recent: newRecent(), pepper: map[uint32]seal.PepperKey{}}
	if err := v.unlock(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	return v, nil
}

// unlock reads the key file and the keys in the database, and finishes a rekey
// that was interrupted.
func (v *Vault) unlock(ctx context.Context) error {
	keys, err := readKeyFile(v.cfg.Dir)
	if errors.Is(err, errNoKeyFile) {
		keys, err = v.firstKey(ctx)
	}
	if err != nil {
		return err
	}
	v.keys = keys
	if err := v.ensureKeys(ctx); err != nil {
		return err
	}
	if err := v.loadKeys(ctx); err != nil {
		return err
	}
	if len(keys) == 2 {
		return v.Rekey(ctx)
	}
	return nil
}

// firstKey sets an empty vault up.
func (v *Vault) firstKey(ctx context.Context) ([]vaultKey, error) {
	var rows int
	if err := v.db.Read().QueryRowContext(ctx, "SELECT (SELECT count(*) FROM keys) + (SELECT count(*) FROM people)").Scan(&rows); err != nil {
		return nil, fmt.Errorf("counting keys: %w", err)
	}
	if rows > 0 {
		return nil, ErrKeyLost
	}
	first := newVaultKey(0)
	return []vaultKey{first}, writeKeyFile(v.cfg.Dir, first)
}

// ensureKeys makes the login key and the first pepper, once. The key file is
// durable before anything is wrapped under it.
func (v *Vault) ensureKeys(ctx context.Context) error {
	k := v.wrapKey()
	login, err := k.key.WrapLogin(k.number, seal.NewLoginKey())
	if err != nil {
		return err
	}
	pepper, err := k.key.WrapPepper(k.number, 1, seal.NewPepperKey())
	if err != nil {
		return err
	}
	return v.db.Write(ctx, func(tx *sql.Tx) error {
		for name, wrapped := range map[string][]byte{"login": login, "pepper": pepper} {
			_, err := tx.ExecContext(ctx, "INSERT INTO keys (name, version, key_number, wrapped, created) VALUES (?, 1, ?, ?, ?) ON CONFLICT DO NOTHING",
				name, k.number, wrapped, time.Now().Unix())
			if err != nil {
				return fmt.Errorf("making the %s key: %w", name, err)
			}
		}
		return nil
	})
}

// loadKeys reads the login key and all peppers into memory.
func (v *Vault) loadKeys(ctx context.Context) error {
	rows, err := v.db.Read().QueryContext(ctx, "SELECT name, version, key_number, wrapped FROM keys ORDER BY name, version")
	if err != nil {
		return fmt.Errorf("reading keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var version uint32
		var number int64
		var wrapped []byte
		if err := rows.Scan(&name, &version, &number, &wrapped); err != nil {
			return fmt.Errorf("reading keys: %w", err)
		}
		if err := v.loadKey(name, version, number, wrapped); err != nil {
			return fmt.Errorf("unwrapping the %s key, version %d: %w", name, version, err)
		}
	}
	return rows.Err()
}

func (v *Vault) loadKey(name string, version uint32, number int64, wrapped []byte) error {
	k, err := v.keyOf(number)
	if err != nil {
		return err
	}
	if name == "login" {
		v.login, err = k.UnwrapLogin(number, wrapped)
		return err
	}
	v.pepper[version], err = k.UnwrapPepper(number, version, wrapped)
	v.newest = max(v.newest, version)
	return err
}

// wrapKey returns the key that new rows are wrapped under.
func (v *Vault) wrapKey() vaultKey {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.keys[len(v.keys)-1]
}

// keyOf returns the vault key of a number.
func (v *Vault) keyOf(number int64) (seal.VaultKey, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	i := slices.IndexFunc(v.keys, func(k vaultKey) bool { return k.number == number })
	if i < 0 {
		return seal.VaultKey{}, fmt.Errorf("vault key %d: %w", number, seal.ErrNoKey)
	}
	return v.keys[i].key, nil
}

// Counters returns what vault counts; it may be read at any time.
func (v *Vault) Counters() *Counters { return &v.counters }

// DB gives the registry check and doctor a look at the schema.
func (v *Vault) DB() *sql.DB { return v.db.Read() }

// Close wipes the keys and closes the database. No other call may be running.
// It may be called twice.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range v.keys {
		k.key.Wipe()
	}
	for _, k := range v.pepper {
		k.Wipe()
	}
	for _, e := range v.epochs {
		e.Key.Wipe()
	}
	v.login.Wipe()
	return v.db.Close()
}
