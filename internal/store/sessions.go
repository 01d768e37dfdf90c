package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"cofferdam/internal/user"
)

const sessionColumns = "hash, uid, kind, revision, epoch, sealed, label, created, last_seen, expires"

func scanSession(r interface{ Scan(...any) error }) (Session, error) {
	var x Session
	err := r.Scan(scanHash{(*[32]byte)(&x.Hash)}, scanUID{&x.UID}, &x.Kind, &x.Revision, &x.Epoch, &x.Sealed, &x.Label,
		scanTime{&x.Created}, scanTime{&x.LastSeen}, scanTime{&x.Expires})
	return x, err
}

// minute is the granularity in which a person's presence is written down.
func minute(t time.Time) int64 { return t.Unix() / 60 * 60 }

// AddSession implements Sessions.
func (s *SQLite) AddSession(ctx context.Context, x Session) error {
	if err := checkSession(x); err != nil {
		return err
	}
	if x.Revision != 1 {
		return fmt.Errorf("new session at revision %d: %w", x.Revision, ErrLimit)
	}
	return s.write(ctx, "adding a session of "+x.UID.String(), func(tx *sql.Tx) error {
		if err := needUser(ctx, tx, x.UID); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sessions WHERE uid = ?", x.UID[:]).Scan(&n); err != nil {
			return err
		}
		if n >= MaxSessions {
			return fmt.Errorf("more than %d sessions: %w", MaxSessions, ErrLimit)
		}
		return oneRow(ErrConflict)(tx.ExecContext(ctx,
			"INSERT INTO sessions ("+sessionColumns+") VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			x.Hash[:], x.UID[:], x.Kind, x.Epoch, x.Sealed, x.Label, x.Created.Unix(), minute(x.LastSeen), x.Expires.Unix()))
	})
}

func checkSession(x Session) error {
	if err := checkSmall("session envelope", x.Sealed); err != nil {
		return err
	}
	if len(x.Label) > MaxSealedSmall || x.Epoch < 1 || !slices.Contains([]SessionKind{Cookie, Bearer, Basic}, x.Kind) {
		return fmt.Errorf("session of kind %q, epoch %d, label of %d bytes: %w", x.Kind, x.Epoch, len(x.Label), ErrLimit)
	}
	return nil
}

// Session implements Sessions.
func (s *SQLite) Session(ctx context.Context, hash SessionHash) (Session, error) {
	x, err := scanSession(s.db.Read().QueryRowContext(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE hash = ?", hash[:]))
	if err != nil {
		return Session{}, fmt.Errorf("reading a session: %w", found(err))
	}
	return x, nil
}

// UserSessions implements Sessions.
func (s *SQLite) UserSessions(ctx context.Context, uid user.ID) ([]Session, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE uid = ? ORDER BY created, hash", uid[:])
	all, err := collect(rows, err, func(r *sql.Rows) (Session, error) { return scanSession(r) })
	if err != nil {
		return nil, fmt.Errorf("reading sessions of %s: %w", uid, err)
	}
	return all, nil
}

// TouchSession implements Sessions.
func (s *SQLite) TouchSession(ctx context.Context, hash SessionHash, seen time.Time) error {
	return s.write(ctx, "touching a session", func(tx *sql.Tx) error {
		return oneRow(ErrNotFound)(tx.ExecContext(ctx, "UPDATE sessions SET last_seen = max(last_seen, ?) WHERE hash = ?", minute(seen), hash[:]))
	})
}

// ReplaceSession implements Sessions.
func (s *SQLite) ReplaceSession(ctx context.Context, x Session) error {
	if err := checkSession(x); err != nil {
		return err
	}
	return s.write(ctx, "replacing a session's envelope", func(tx *sql.Tx) error {
		return oneRow(ErrConflict)(tx.ExecContext(ctx,
			"UPDATE sessions SET revision = ?, epoch = ?, sealed = ?, label = ?, expires = ? WHERE hash = ? AND uid = ? AND revision = ?",
			x.Revision, x.Epoch, x.Sealed, x.Label, x.Expires.Unix(), x.Hash[:], x.UID[:], x.Revision-1))
	})
}

// SessionsNotOf implements Sessions.
func (s *SQLite) SessionsNotOf(ctx context.Context, epoch int64, limit int) ([]Session, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	// Two ranges instead of <>, so that the index serves both.
	rows, err := s.db.Read().QueryContext(ctx,
		"SELECT "+sessionColumns+" FROM sessions WHERE epoch < ?1 OR epoch > ?1 LIMIT ?2", epoch, limit)
	all, err := collect(rows, err, func(r *sql.Rows) (Session, error) { return scanSession(r) })
	if err != nil {
		return nil, fmt.Errorf("reading sessions of other epochs: %w", err)
	}
	return all, nil
}

// DeleteSession implements Sessions.
func (s *SQLite) DeleteSession(ctx context.Context, hash SessionHash) error {
	return s.write(ctx, "deleting a session", func(tx *sql.Tx) error {
		return oneRow(ErrNotFound)(tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", hash[:]))
	})
}

// DeleteUserSessions implements Sessions.
func (s *SQLite) DeleteUserSessions(ctx context.Context, uid user.ID, keep ...SessionHash) (gone []SessionHash, err error) {
	err = s.write(ctx, "deleting sessions of "+uid.String(), func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT hash FROM sessions WHERE uid = ?", uid[:])
		all, err := collect(rows, err, func(r *sql.Rows) (h SessionHash, err error) { return h, r.Scan(scanHash{(*[32]byte)(&h)}) })
		if err != nil {
			return err
		}
		gone = slices.DeleteFunc(all, func(h SessionHash) bool { return slices.Contains(keep, h) })
		for _, h := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", h[:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// DeleteExpiredSessions implements Sessions.
func (s *SQLite) DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error) {
	return s.deleteSteps(ctx, "deleting expired sessions",
		"DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires <= ? LIMIT ?)", now.Unix())
}

// deleteSteps repeats a DELETE with a LIMIT until nothing is left, in one
// transaction each, so that other writers get their turn.
func (s *SQLite) deleteSteps(ctx context.Context, what, query string, before int64) (int, error) {
	total := 0
	for {
		n := int64(0)
		err := s.write(ctx, what, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, query, before, purgeStep)
			if err != nil {
				return err
			}
			n, err = r.RowsAffected()
			return err
		})
		total += int(n)
		if err != nil || n < purgeStep {
			return total, err
		}
	}
}
