package bench

import "time"

const (
	// warmup are samples that are not counted: connections, caches, page tables.
	warmup = 5
	// pageSize is a page of our client's list.
	pageSize = 50
	// deep is the position far down a mailbox, where it has so many.
	deep = 50_000
	// openable is the largest mail that is opened: with larger ones the time of
	// bytes that nobody asked us to show would hide the rest.
	openable = 64 << 10
	// newest is how far back mails to open and flag are taken from.
	newest = 400
	// indexTime bounds the first build of an index.
	indexTime = 3 * time.Minute
	// pause is between a sign-out and the next sign-in.
	pause = 300 * time.Millisecond
	// glance is how often a person looks at the list while the index is built.
	glance = 100 * time.Millisecond
	// indexPart is how many mails the floor of an index reads by one command, as we do.
	indexPart = 2000
	// requestTime bounds the last requests of a load, after its time is over.
	requestTime = 10 * time.Second
	// settle is how long a server rests before its memory is read.
	settle = 8 * time.Second
)
