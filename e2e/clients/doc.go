// Package clients drives the whole product with JMAP clients that we did not
// write: git.sr.ht/~rockorager/go-jmap in the module gojmap, and jmap-jam of npm
// in jam.mjs. Each reads, threads, flags, moves, sends, and is told of mail.
package clients
