//go:build !race

package message

// raceFactor is by how much the race detector slows down.
const raceFactor = 1

// hostileSize is the size of the mails of TestHostile: what package account
// fetches and parses in one piece.
const hostileSize = 256 << 10
