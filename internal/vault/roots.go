package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"cofferdam/internal/user"
)

// CheckRoot compares a class root's counter with the highest that was seen, and
// remembers it if advance is set. rolledBack means that the database serves an
// older state than it once had; it is counted as an alarm.
func (v *Vault) CheckRoot(ctx context.Context, uid user.ID, class string, counter int64, advance bool) (rolledBack bool, highest int64, err error) {
	if class == "" || len(class) > maxClass || counter < 0 {
		return false, 0, fmt.Errorf("root counter %d, class of %d bytes: %w", counter, len(class), errBadCall)
	}
	if advance {
		highest, err = v.advanceRoot(ctx, uid, class, counter)
	} else {
		highest, err = v.RootSeen(ctx, uid, class)
	}
	if err != nil {
		return false, 0, fmt.Errorf("checking a class root of %s: %w", uid, err)
	}
	if counter >= highest {
		return false, highest, nil
	}
	v.counters.RolledBack.Add(1)
	v.log.Error("class root is older than its mirror", "uid", uid, "class", class, "counter", counter, "highest", highest)
	return true, highest, nil
}

// RootSeen is the highest counter of a class root that was seen, 0 for one that
// never was. It judges nothing: keeper asks before it reads the root, so that a
// write in between does not look like a rollback.
func (v *Vault) RootSeen(ctx context.Context, uid user.ID, class string) (highest int64, err error) {
	if class == "" || len(class) > maxClass {
		return 0, fmt.Errorf("class of %d bytes: %w", len(class), errBadCall)
	}
	err = v.db.Read().QueryRowContext(ctx, "SELECT counter FROM roots WHERE uid = ? AND class = ?", uid[:], class).Scan(&highest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading the mirror of a class root of %s: %w", uid, err)
	}
	return highest, nil
}

// noteFault records that a cell found a class at odds with its root and made the
// root anew: an alarm in the books of a role that the cell does not write.
func (v *Vault) noteFault(uid user.ID, class, fault string, counter int64) {
	v.counters.RootFaults.Add(1)
	v.log.Error("class did not fit its root, which was made anew", "uid", uid, "class", class, "fault", fault, "counter", counter)
}

func (v *Vault) advanceRoot(ctx context.Context, uid user.ID, class string, counter int64) (highest int64, err error) {
	err = v.db.Write(ctx, func(tx *sql.Tx) error {
		var known int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM people WHERE uid = ?", uid[:]).Scan(&known); err != nil {
			return err
		}
		if known == 0 {
			return ErrUnknown
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO roots (uid, class, counter) VALUES (?1, ?2, ?3)
			ON CONFLICT (uid, class) DO UPDATE SET counter = max(counter, ?3)`, uid[:], class, counter)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT counter FROM roots WHERE uid = ? AND class = ?", uid[:], class).Scan(&highest)
	})
	return highest, err
}
