package vault

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

// CloseUser makes vault refuse a person at once: none of their slots opens any
// more. It is reversible until DestroyDelay has passed (or delay, if longer) and
// the destruction is carried out.
func (v *Vault) CloseUser(ctx context.Context, uid user.ID, delay time.Duration) error {
	now := time.Now()
	due := now.Add(max(delay, DestroyDelay)).Unix()
	return v.changePerson(ctx, "closing "+uid.String(),
		"UPDATE people SET closed = ifnull(closed, ?2), destroy_after = ifnull(destroy_after, ?3) WHERE uid = ?1", uid[:], now.Unix(), due)
}

// ReopenUser takes a closing back.
func (v *Vault) ReopenUser(ctx context.Context, uid user.ID) error {
	return v.changePerson(ctx, "reopening "+uid.String(), "UPDATE people SET closed = NULL, destroy_after = NULL WHERE uid = ?1", uid[:])
}

func (v *Vault) changePerson(ctx context.Context, what, query string, args ...any) error {
	err := v.db.Write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err == nil && n == 0 {
			return ErrUnknown
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// DestroyDue deletes the shred keys of the closed accounts whose time has come,
// as many as the brake allows for this day (UTC), longest overdue first. It
// returns who was destroyed and how many had to wait. The deletion is beyond
// recovery once the vault key was made anew (Rekey).
func (v *Vault) DestroyDue(ctx context.Context) (gone []user.ID, waiting int, err error) {
	err = v.db.Write(ctx, func(tx *sql.Tx) error {
		now := time.Now()
		left, err := allowance(ctx, tx, now)
		if err != nil {
			return err
		}
		due, err := dueUsers(ctx, tx, now)
		if err != nil {
			return err
		}
		gone = due[:min(left, len(due))]
		waiting = len(due) - len(gone)
		for _, uid := range gone {
			if err := destroy(ctx, tx, uid, now); err != nil {
				return fmt.Errorf("%s: %w", uid, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("destroying shred keys: %w", err)
	}
	if len(gone) > 0 {
		v.counters.Destroyed.Add(int64(len(gone)))
		v.log.Info("shred keys destroyed", "count", len(gone), "waiting", waiting)
		err = v.db.Checkpoint(ctx)
	}
	if waiting > 0 {
		v.log.Error("destructions wait for the brake", "waiting", waiting)
	}
	return gone, waiting, err
}

// allowance is how many may still be destroyed today without a signed batch.
func allowance(ctx context.Context, tx *sql.Tx, now time.Time) (int, error) {
	var people, today int
	midnight := now.UTC().Truncate(24 * time.Hour).Unix()
	err := tx.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM destroyed WHERE at >= ? AND batch IS NULL)", midnight).Scan(&people, &today)
	// The share is of those who were there this morning.
	return max(0, max(brakeFloor, (people+today)/brakeShare)-today), err
}

func dueUsers(ctx context.Context, tx *sql.Tx, now time.Time) (due []user.ID, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT uid FROM people WHERE destroy_after <= ? ORDER BY destroy_after, uid", now.Unix())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		uid, err := user.IDFromBytes(b)
		if err != nil {
			return nil, err
		}
		due = append(due, uid)
	}
	return due, rows.Err()
}

func destroy(ctx context.Context, tx *sql.Tx, uid user.ID, now time.Time) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO destroyed (uid, at) VALUES (?, ?)", uid[:], now.Unix()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM attempts WHERE bucket = ?", uid[:]); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM people WHERE uid = ?", uid[:])
	return err
}
