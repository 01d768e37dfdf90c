package vault

import (
	"context"
	"database/sql"
)

func (v *Vault) testOnlyExec(ctx context.Context, query string, args ...any) (r sql.Result, err error) {
	err = v.db.Write(ctx, func(tx *sql.Tx) error {
		r, err = tx.ExecContext(ctx, query, args...)
		return err
	})
	return r, err
}
