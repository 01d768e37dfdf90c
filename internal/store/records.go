package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cofferdam/internal/user"
)

// Put implements Records.
func (s *SQLite) Put(ctx context.Context, b Batch) (change int64, err error) {
	if err := b.check(); err != nil {
		return 0, err
	}
	err = s.write(ctx, "writing records of "+b.UID.String(), func(tx *sql.Tx) error {
		if err := needUser(ctx, tx, b.UID); err != nil {
			return err
		}
		if err := checkFence(ctx, tx, b); err != nil {
			return err
		}
		change, err = b.apply(ctx, tx)
		return err
	})
	return change, err
}

// check refuses what no state of the database could make right.
func (b Batch) check() error {
	if len(b.Class) == 0 || len(b.Class) > MaxClass || len(b.Writes) > MaxBatch || len(b.Writes) == 0 && b.Root == nil {
		return fmt.Errorf("batch of %d records, class of %d bytes: %w", len(b.Writes), len(b.Class), ErrLimit)
	}
	total := 0
	for _, w := range b.Writes {
		if err := w.check(); err != nil {
			return err
		}
		total += len(w.Sealed)
	}
	if total > MaxBatchBytes {
		return fmt.Errorf("batch of %d bytes: %w", total, ErrLimit)
	}
	if r := b.Root; r != nil && (r.Counter <= b.ExpectRoot || b.ExpectRoot < 0 || r.Generation < 1 || len(r.Sealed) == 0 || len(r.Sealed) > MaxSealedSmall) {
		return fmt.Errorf("root %d over %d, %d bytes: %w", r.Counter, b.ExpectRoot, len(r.Sealed), ErrLimit)
	}
	return nil
}

func (w Write) check() error {
	sealedFits := len(w.Sealed) > 0 && len(w.Sealed) <= MaxSealed && !w.Deleted || w.Deleted && w.Sealed == nil
	if len(w.ID) == 0 || len(w.ID) > MaxRecordID || w.Revision < 1 || w.Generation < 1 || !sealedFits {
		return fmt.Errorf("record with id of %d bytes, revision %d, generation %d, %d sealed bytes, deleted %t: %w",
			len(w.ID), w.Revision, w.Generation, len(w.Sealed), w.Deleted, ErrLimit)
	}
	return nil
}

// checkFence lets only the newest lease write. A number above the newest was
// never given out: it is a forgery, and refused alike.
func checkFence(ctx context.Context, tx *sql.Tx, b Batch) error {
	if b.Unfenced {
		return nil
	}
	var newest int64
	err := tx.QueryRowContext(ctx, "SELECT fence FROM leases WHERE uid = ? AND node <> ''", b.UID[:]).Scan(&newest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if b.Fence < 1 || b.Fence != newest {
		return fmt.Errorf("fence %d, newest %d: %w", b.Fence, newest, ErrFenced)
	}
	return nil
}

// apply writes the batch within tx.
func (b Batch) apply(ctx context.Context, tx *sql.Tx) (int64, error) {
	_, err := tx.ExecContext(ctx, "INSERT INTO classes (uid, class) VALUES (?, ?) ON CONFLICT DO NOTHING", b.UID[:], b.Class)
	if err != nil {
		return 0, err
	}
	var change, root int64
	err = tx.QueryRowContext(ctx, "SELECT change, root_counter FROM classes WHERE uid = ? AND class = ?", b.UID[:], b.Class).Scan(&change, &root)
	if err != nil {
		return 0, err
	}
	now := time.Now().Unix()
	for _, w := range b.Writes {
		change++
		if err := b.applyOne(ctx, tx, w, change, now); err != nil {
			return 0, err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE classes SET change = ? WHERE uid = ? AND class = ?", change, b.UID[:], b.Class); err != nil {
		return 0, err
	}
	return change, b.applyRoot(ctx, tx, root)
}

func (b Batch) applyOne(ctx context.Context, tx *sql.Tx, w Write, change, now int64) error {
	if w.Revision == 1 {
		if w.Deleted {
			return fmt.Errorf("deleting a record that never was: %w", ErrNotFound)
		}
		return oneRow(ErrConflict)(tx.ExecContext(ctx,
			"INSERT INTO records (uid, class, id, revision, generation, change, fence, deleted, sealed, changed) VALUES (?, ?, ?, 1, ?, ?, ?, 0, ?, ?) ON CONFLICT (uid, class, id) DO NOTHING",
			b.UID[:], b.Class, w.ID, w.Generation, change, b.Fence, w.Sealed, now))
	}
	if err := b.keep(ctx, tx, w, now); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx,
		"UPDATE records SET revision = ?, generation = ?, change = ?, fence = ?, deleted = ?, sealed = ?, changed = ? WHERE uid = ? AND class = ? AND id = ?",
		w.Revision, w.Generation, change, b.Fence, w.Deleted, w.Sealed, now, b.UID[:], b.Class, w.ID)
	return err
}

// keep checks that the live revision is the one before w's and copies it to the
// kept ones. A deleted record is not brought back: its id is never used again.
func (b Batch) keep(ctx context.Context, tx *sql.Tx, w Write, now int64) error {
	if b.Derived {
		var one int
		err := tx.QueryRowContext(ctx, "SELECT 1 FROM records WHERE uid = ? AND class = ? AND id = ? AND revision = ? AND deleted = 0",
			b.UID[:], b.Class, w.ID, w.Revision-1).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrConflict
		}
		return err
	}
	return oneRow(ErrConflict)(tx.ExecContext(ctx,
		`INSERT INTO kept_revisions (uid, class, id, revision, generation, sealed, replaced)
		SELECT uid, class, id, revision, generation, sealed, ? FROM records
		WHERE uid = ? AND class = ? AND id = ? AND revision = ? AND deleted = 0`,
		now, b.UID[:], b.Class, w.ID, w.Revision-1))
}

func (b Batch) applyRoot(ctx context.Context, tx *sql.Tx, have int64) error {
	if b.Root == nil {
		return nil
	}
	if have != b.ExpectRoot {
		return fmt.Errorf("root counter %d, expected %d: %w", have, b.ExpectRoot, ErrConflict)
	}
	_, err := tx.ExecContext(ctx, "UPDATE classes SET root_counter = ?, root_generation = ?, root_sealed = ? WHERE uid = ? AND class = ?",
		b.Root.Counter, b.Root.Generation, b.Root.Sealed, b.UID[:], b.Class)
	return err
}

const recordColumns = "id, revision, generation, change, deleted, sealed"

func scanRecord(r interface{ Scan(...any) error }) (Record, error) {
	var x Record
	err := r.Scan(&x.ID, &x.Revision, &x.Generation, &x.Change, &x.Deleted, &x.Sealed)
	return x, err
}

// Get implements Records.
func (s *SQLite) Get(ctx context.Context, uid user.ID, class string, id []byte) (Record, error) {
	x, err := scanRecord(s.db.Read().QueryRowContext(ctx,
		"SELECT "+recordColumns+" FROM records WHERE uid = ? AND class = ? AND id = ?", uid[:], class, id))
	if err != nil {
		return Record{}, fmt.Errorf("reading a record of %s: %w", uid, found(err))
	}
	return x, nil
}

// List implements Records.
func (s *SQLite) List(ctx context.Context, uid user.ID, class string, after []byte, limit int) (Page, error) {
	if after == nil {
		after = []byte{} // sorts before every id; NULL would compare to nothing
	}
	return s.page(ctx, "listing records of "+uid.String(), uid, class, limit, nil,
		"SELECT "+recordColumns+" FROM records WHERE uid = ? AND class = ? AND deleted = 0 AND id > ? ORDER BY id LIMIT ?",
		uid[:], class, after, limit+1)
}

// Changes implements Records.
func (s *SQLite) Changes(ctx context.Context, uid user.ID, class string, since int64, limit int) (Page, error) {
	known := func(change, forgotten int64) error {
		if since < forgotten || since > change {
			return fmt.Errorf("since %d, known %d to %d: %w", since, forgotten, change, ErrChangesLost)
		}
		return nil
	}
	return s.page(ctx, "reading changes of "+uid.String(), uid, class, limit, known,
		"SELECT "+recordColumns+" FROM records WHERE uid = ? AND class = ? AND change > ? ORDER BY change LIMIT ?",
		uid[:], class, since, limit+1)
}

// page reads a page with its class's position and root from one snapshot. The query asks
// for one row more than limit, which says whether there are more.
func (s *SQLite) page(ctx context.Context, what string, uid user.ID, class string, limit int, known func(change, forgotten int64) error, query string, args ...any) (Page, error) {
	if err := checkLimit(limit); err != nil {
		return Page{}, err
	}
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Page{}, fmt.Errorf("%s: %w", what, err)
	}
	defer tx.Rollback() // it only read
	var p Page
	var forgotten int64
	err = tx.QueryRowContext(ctx, "SELECT change, forgotten, root_counter, root_generation, root_sealed FROM classes WHERE uid = ? AND class = ?", uid[:], class).
		Scan(&p.Change, &forgotten, &p.Root.Counter, &p.Root.Generation, &p.Root.Sealed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Page{}, fmt.Errorf("%s: %w", what, err)
	}
	if known != nil {
		if err := known(p.Change, forgotten); err != nil {
			return Page{}, fmt.Errorf("%s: %w", what, err)
		}
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err == nil {
		p.Records, p.More, err = readPage(rows, limit)
	}
	if err != nil {
		return Page{}, fmt.Errorf("%s: %w", what, err)
	}
	return p, nil
}

// readPage stops at limit rows or before MaxPageBytes would be passed.
func readPage(rows *sql.Rows, limit int) (page []Record, more bool, err error) {
	defer rows.Close()
	total := 0
	for rows.Next() {
		x, err := scanRecord(rows)
		if err != nil {
			return nil, false, err
		}
		if total += len(x.Sealed); len(page) == limit || len(page) > 0 && total > MaxPageBytes {
			return page, true, nil
		}
		page = append(page, x)
	}
	return page, false, rows.Err()
}

// Root implements Records.
func (s *SQLite) Root(ctx context.Context, uid user.ID, class string) (Root, error) {
	var r Root
	err := s.db.Read().QueryRowContext(ctx,
		"SELECT root_counter, root_generation, root_sealed FROM classes WHERE uid = ? AND class = ? AND root_counter > 0", uid[:], class).
		Scan(&r.Counter, &r.Generation, &r.Sealed)
	if err != nil {
		return Root{}, fmt.Errorf("reading a class root of %s: %w", uid, found(err))
	}
	return r, nil
}

// Kept implements Records.
func (s *SQLite) Kept(ctx context.Context, uid user.ID, class string, id []byte, below int64, limit int) ([]Kept, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	rows, err := s.db.Read().QueryContext(ctx,
		`SELECT id, revision, generation, sealed, replaced FROM kept_revisions
		WHERE uid = ?1 AND class = ?2 AND id = ?3 AND (?4 = 0 OR revision < ?4) ORDER BY revision DESC LIMIT ?5`,
		uid[:], class, id, below, limit)
	all, err := collect(rows, err, func(r *sql.Rows) (x Kept, err error) {
		return x, r.Scan(&x.ID, &x.Revision, &x.Generation, &x.Sealed, scanTime{&x.Replaced})
	})
	if err != nil {
		return nil, fmt.Errorf("reading kept revisions of %s: %w", uid, err)
	}
	return all, nil
}

// Purge implements Records.
func (s *SQLite) Purge(ctx context.Context, before time.Time) (int, error) {
	kept, err := s.deleteSteps(ctx, "purging kept revisions",
		"DELETE FROM kept_revisions WHERE rowid IN (SELECT rowid FROM kept_revisions WHERE replaced < ? LIMIT ?)", before.Unix())
	if err != nil {
		return kept, err
	}
	marks, err := s.purgeMarks(ctx, before)
	return kept + marks, err
}

// purgeMarks forgets deletions: first how far changes can be told, then the
// marks up to there, so that no reader misses one.
func (s *SQLite) purgeMarks(ctx context.Context, before time.Time) (int, error) {
	err := s.write(ctx, "purging marks of deletion", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE classes SET forgotten = gone.change FROM
			(SELECT uid, class, max(change) AS change FROM records WHERE deleted = 1 AND changed < ? GROUP BY uid, class) AS gone
			WHERE classes.uid = gone.uid AND classes.class = gone.class AND gone.change > classes.forgotten`, before.Unix())
		return err
	})
	if err != nil {
		return 0, err
	}
	return s.deleteSteps(ctx, "purging marks of deletion",
		"DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE deleted = 1 AND changed < ? LIMIT ?)", before.Unix())
}
