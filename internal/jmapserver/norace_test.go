//go:build !race

package jmapserver

// raceFactor is by how much the race detector slows down.
const raceFactor = 1
