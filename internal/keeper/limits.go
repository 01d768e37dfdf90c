package keeper

import (
	"time"

	"cofferdam/internal/seal"
)

const (
	maxAgent      = 256                 // bytes of User-Agent in the session list
	maxName       = 64                  // bytes of a token's name
	maxRecord     = 4 << 20             // bytes of one sealed record
	maxRecordID   = 64                  // bytes, as seal does
	maxPage       = 500                 // records of a page
	leaseLife     = 5 * time.Minute     // a cell that does not renew has lost its people after this
	leaseRenewal  = time.Minute         // a fifth of it
	resealEvery   = time.Hour           // the outer layer of all session rows (DESIGN section 5)
	resealBatch   = 500                 // rows of one transaction
	sweepEvery    = 30 * time.Second    // expired and idle sessions
	sweepRows     = 2000                // rows looked at in one sweep: 0.1 s of the database
	depositPause  = time.Second         // between tries to give vault the epoch keys
	againAtOnce   = 16                  // sessions told to a restarted role at the same time
	purgeEvery    = time.Hour           // what is past keptFor goes then
	keptFor       = 30 * 24 * time.Hour // replaced and deleted records, so that vandalism can be undone (DESIGN section 2)
	basicLife     = 24 * time.Hour      // a session of HTTP Basic in any case; gate ends it when it is idle
	notifyTime    = time.Second         // a session that ends is ended everywhere within this
	cellTime      = 4 * time.Second     // a cell takes a person on, a restarting one included
	signInTime    = 25 * time.Second    // a whole sign-in: platform, key derivation, cell
	writtenPerson = 64 << 10            // KiB of sealed records an hour: a thousand mails sent are 8 MiB. Replaced ones are kept for 30 days
	writtenCell   = 16 * writtenPerson  // the same for a cell
	recordCost    = 1                   // KiB of a row besides its data
	recordRate    = 200                 // record calls a second and person
	offersCached  = time.Second         // challenges of one second are equal

	maxUpload     = 52_500_000       // sealed bytes: what jmapserver takes of one upload, with seal's chunks
	maxIndex      = seal.MaxIndex    // sealed bytes
	streamStep    = 256 << 10        // bytes that are waited for, and counted, at a time
	streamStall   = time.Minute      // a step takes no longer: a hostile cell holds nothing open
	uploadTime    = time.Hour        // a whole upload over a slow line
	streamsPerson = 12               // at once: what gate lets a person upload, and as many reads
	streamsCell   = 512              // a quarter of a line's connections: records have room beside
	sentPerson    = 2 << 20          // KiB of uploads an hour: forty of the largest
	sentCell      = 16 * sentPerson  // the same for a cell
	indexTime     = 2 * time.Minute  // an index comes from memory
	indexPerson   = 1 << 20          // KiB of indexes an hour: a hundred of a large account's
	indexCell     = 16 * indexPerson // the same for a cell
)
