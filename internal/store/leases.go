package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

// AcquireLease implements Leases.
func (s *SQLite) AcquireLease(ctx context.Context, want Lease, now time.Time, takeover bool) (got Lease, err error) {
	if !nameFits(want.Node) || !nameFits(want.Cell) || !want.Expires.After(now) {
		return Lease{}, fmt.Errorf("lease of node %q, cell %q, until %s: %w", want.Node, want.Cell, want.Expires.UTC().Format(time.RFC3339), ErrLimit)
	}
	err = s.write(ctx, "acquiring the lease of "+want.UID.String(), func(tx *sql.Tx) error {
		if err := needUser(ctx, tx, want.UID); err != nil {
			return err
		}
		have, err := readLease(ctx, tx, want.UID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		mine := have.Node == want.Node && have.Cell == want.Cell
		if have.inForce(now) && !mine && !takeover {
			got = have
			return ErrHeld
		}
		got = Lease{want.UID, want.Node, want.Cell, have.Fence + 1, now.Truncate(time.Second), want.Expires.Truncate(time.Second)}
		_, err = tx.ExecContext(ctx, `INSERT INTO leases (uid, node, cell, fence, acquired, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT (uid) DO UPDATE SET node = ?2, cell = ?3, fence = ?4, acquired = ?5, expires = ?6`,
			want.UID[:], got.Node, got.Cell, got.Fence, got.Acquired.Unix(), got.Expires.Unix())
		return err
	})
	return got, err
}

func nameFits(name string) bool { return name != "" && len(name) <= MaxName }

func (l Lease) inForce(now time.Time) bool { return l.Node != "" && now.Before(l.Expires) }

// readLease reads the row, which stays after a lease has ended.
func readLease(ctx context.Context, q queryer, uid user.ID) (Lease, error) {
	l := Lease{UID: uid}
	err := q.QueryRowContext(ctx, "SELECT node, cell, fence, acquired, expires FROM leases WHERE uid = ?", uid[:]).
		Scan(&l.Node, &l.Cell, &l.Fence, scanTime{&l.Acquired}, scanTime{&l.Expires})
	if err != nil {
		return Lease{}, found(err)
	}
	return l, nil
}

// Lease implements Leases.
func (s *SQLite) Lease(ctx context.Context, uid user.ID, now time.Time) (Lease, error) {
	l, err := readLease(ctx, s.db.Read(), uid)
	if err == nil && !l.inForce(now) {
		err = ErrNotFound
	}
	if err != nil {
		return Lease{}, fmt.Errorf("reading the lease of %s: %w", uid, err)
	}
	return l, nil
}

// RenewLeases implements Leases.
func (s *SQLite) RenewLeases(ctx context.Context, node, cell string, expires time.Time) (int, error) {
	if !nameFits(node) || !nameFits(cell) {
		return 0, fmt.Errorf("leases of node %q, cell %q: %w", node, cell, ErrLimit)
	}
	return s.changeLeases(ctx, "renewing leases", "UPDATE leases SET expires = max(expires, ?) WHERE node = ? AND cell = ?", expires.Unix(), node, cell)
}

// ReleaseLease implements Leases.
func (s *SQLite) ReleaseLease(ctx context.Context, uid user.ID, fence int64) error {
	return s.write(ctx, "releasing the lease of "+uid.String(), func(tx *sql.Tx) error {
		return oneRow(ErrFenced)(tx.ExecContext(ctx, "UPDATE leases SET node = '', cell = '', expires = 0 WHERE uid = ? AND fence = ? AND node <> ''", uid[:], fence))
	})
}

// ReleaseNode implements Leases.
func (s *SQLite) ReleaseNode(ctx context.Context, node, cell string) (int, error) {
	if !nameFits(node) || len(cell) > MaxName {
		return 0, fmt.Errorf("leases of node %q, cell %q: %w", node, cell, ErrLimit)
	}
	return s.changeLeases(ctx, "releasing leases",
		"UPDATE leases SET node = '', cell = '', expires = 0 WHERE node = ?1 AND (?2 = '' OR cell = ?2)", node, cell)
}

func (s *SQLite) changeLeases(ctx context.Context, what, query string, args ...any) (int, error) {
	var n int64
	err := s.write(ctx, what, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return int(n), err
}
