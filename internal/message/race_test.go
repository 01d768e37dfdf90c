//go:build race

package message

// raceFactor is by how much the race detector slows down.
const raceFactor = 15
