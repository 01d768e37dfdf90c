// Package vault is the role that holds the second half of every key: the pepper
// of password slots, one shred key for each person, the key that turns logins
// into row names. Whoever has the database alone has nothing to guess against,
// and whoever destroys a shred key has destroyed that person's data in every
// copy of the database.
//
// # What vault never sees
//
// It never sees a password, A, a KEK or a user master key: keeper sends V, from
// which A does not follow (seal.Proof), and what vault unwraps is still sealed
// under the KEK. It gives no shred key away; keeper sends slots to be opened.
// The logins it hashes are the only personal data that pass through, and it
// keeps none of them.
//
// # Layout on disk
//
// A folder of its own, with a backup horizon of its own: vault.db (schema in
// migrations/) and vault.key, which holds the vault key that wraps everything in
// the database. Rekey replaces it every day, so that a deleted shred key stays
// unreadable in the write-ahead log, in free pages and in older copies of the
// database that come without the older key file. During a rekey the file holds
// two keys; Open finishes one that was interrupted.
//
// # Limits
//
// Each uid and all together have a token bucket of attempts, kept in the
// database so that a crash refills none. An attempt counts whether or not it was
// right, because only keeper could say, and keeper is who may be lying.
//
// # Concurrency
//
// A Vault may be used by many goroutines at once; one process has the folder.
package vault
