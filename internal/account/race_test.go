//go:build race

package account_test

// raceFactor is by how much the race detector slows down.
const raceFactor = 12
