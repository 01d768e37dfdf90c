package jmap

import "io"

// ByteRange is a part of a blob. The zero value is the whole of it.
type ByteRange struct {
	Offset int64 // negative: the last -Offset bytes
	Length int64 // 0: to the end; ignored when Offset is negative
}

// Blob is an open blob, or a range of it. Whoever got it closes Body.
type Blob struct {
	Body   io.ReadCloser
	Size   int64 // of the whole blob in octets; -1: not known before it is read
	Offset int64 // where Body begins
	Length int64 // of Body; -1: not known
}

// BlobInfo is what is known of an upload (RFC 8620, section 6.1).
type BlobInfo struct {
	ID   BlobID
	Size int64
}
