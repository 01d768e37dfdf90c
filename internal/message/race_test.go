//go:build race

package message

// raceFactor is by how much the race detector slows down.
const raceFactor = 15

// hostileSize is the size of the mails of TestHostile: a part of what package
// account fetches and parses in one piece.
const hostileSize = 64 << 10
