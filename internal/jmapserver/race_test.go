//go:build race

package jmapserver

// raceFactor is by how much the race detector slows down.
const raceFactor = 15

// raceShare is which part of the large inputs is tried under it.
const raceShare = 4
