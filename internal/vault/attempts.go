package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

// ThrottledError says that there were too many attempts.
type ThrottledError struct {
	Total      bool          // the limit of all, not of the one person
	RetryAfter time.Duration // when the next attempt will be taken
}

func (e *ThrottledError) Error() string {
	if e.Total {
		return "too many attempts in total"
	}
	return "too many attempts for this person"
}

// totalBucket and lookupBucket name the rows of all attempts and of all lookups;
// a uid has 16 bytes, so they are nobody's.
const totalBucket, lookupBucket = "\x00", "\x01"

// attempt takes one token from the person's bucket and one from that of all, or
// none: whoever is over their own limit does not use up the others'.
func (v *Vault) attempt(ctx context.Context, uid user.ID) error {
	err := v.db.Write(ctx, func(tx *sql.Tx) error {
		now := time.Now()
		wait, err := take(ctx, tx, uid[:], v.cfg.PerUser, now)
		if err != nil {
			return err
		}
		if wait > 0 {
			return &ThrottledError{RetryAfter: wait}
		}
		wait, err = take(ctx, tx, []byte(totalBucket), v.cfg.Total, now)
		if err != nil {
			return err
		}
		if wait > 0 {
			return &ThrottledError{Total: true, RetryAfter: wait}
		}
		return nil
	})
	var over *ThrottledError
	if errors.As(err, &over) {
		v.alarm(uid, over)
		return err
	}
	if err != nil {
		return fmt.Errorf("counting an attempt of %s: %w", uid, err)
	}
	return nil
}

// lookup takes one token from the bucket of lookups.
func (v *Vault) lookup(ctx context.Context) error {
	err := v.db.Write(ctx, func(tx *sql.Tx) error {
		wait, err := take(ctx, tx, []byte(lookupBucket), v.cfg.Total, time.Now())
		if err == nil && wait > 0 {
			return &ThrottledError{Total: true, RetryAfter: wait}
		}
		return err
	})
	var over *ThrottledError
	if errors.As(err, &over) {
		v.alarm(user.ID{}, over)
		return err
	}
	if err != nil {
		return fmt.Errorf("counting a lookup: %w", err)
	}
	return nil
}

func (v *Vault) alarm(uid user.ID, over *ThrottledError) {
	if over.Total {
		v.counters.ThrottledTotal.Add(1)
		v.log.Error("attempts over the limit of all", "retryAfter", over.RetryAfter)
		return
	}
	v.counters.ThrottledUser.Add(1)
	v.log.Warn("attempts over the limit of one person", "uid", uid, "retryAfter", over.RetryAfter)
}

// take takes a token from a bucket, or says how long until there is one.
func take(ctx context.Context, tx *sql.Tx, bucket []byte, r Rate, now time.Time) (wait time.Duration, err error) {
	var tokens float64
	var at int64
	err = tx.QueryRowContext(ctx, "SELECT tokens, at FROM attempts WHERE bucket = ?", bucket).Scan(&tokens, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		tokens = float64(r.Burst)
	case err != nil:
		return 0, err
	default:
		// A clock that was set back refills nothing, and does not lock out either.
		since := max(0, now.Sub(time.UnixMilli(at)))
		tokens = min(float64(r.Burst), tokens+float64(since)/float64(r.Every))
	}
	if tokens < 1 {
		return time.Duration((1 - tokens) * float64(r.Every)), nil
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO attempts (bucket, tokens, at) VALUES (?1, ?2, ?3) ON CONFLICT (bucket) DO UPDATE SET tokens = ?2, at = ?3",
		bucket, tokens-1, now.UnixMilli())
	return 0, err
}

// forgetAttempts drops the buckets that have refilled: a full bucket and none
// are the same.
func (v *Vault) forgetAttempts(ctx context.Context) error {
	longest := max(time.Duration(v.cfg.PerUser.Burst)*v.cfg.PerUser.Every, time.Duration(v.cfg.Total.Burst)*v.cfg.Total.Every)
	return v.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM attempts WHERE at < ?", time.Now().Add(-longest).UnixMilli())
		return err
	})
}
