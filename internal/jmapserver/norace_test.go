//go:build !race

package jmapserver

// raceFactor is by how much the race detector slows down.
const raceFactor = 1

// raceShare is which part of the large inputs is tried.
const raceShare = 1
