package ipc

// Streams that keeper answers on a cell's line. They take the capability in
// HeaderCapability and the upload's id, 16 bytes in base64url, in HeaderUpload.
const (
	// KeeperUploadPut takes sealed bytes as its body (docs/formats/upload.md) and
	// answers UploadStored. CodeThrottled: the person or their cell has too much
	// there, or sent too much in one hour; RetryAfter is zero for the first.
	KeeperUploadPut = "/keeper/uploads/put"
	// KeeperUploadGet answers the sealed bytes with their number as
	// Content-Length, and in HeaderUploadSession the session that they came in.
	// HeaderUploadOffset, in decimal, says where to begin.
	KeeperUploadGet = "/keeper/uploads/get"
	// KeeperIndexPut takes a person's sealed index as its body (docs/formats/index.md)
	// and puts it in the place of an older one. It needs no HeaderUpload.
	// CodeForbidden: the session is locked. CodeThrottled: there is no room.
	KeeperIndexPut = "/keeper/index/put"
	// KeeperIndexGet answers it, with its length. CodeNotFound: there is none.
	KeeperIndexGet = "/keeper/index/get"
)

// Headers of those streams.
const (
	HeaderUpload        = "Cofferdam-Upload"
	HeaderUploadOffset  = "Cofferdam-Upload-Offset"
	HeaderUploadSession = "Cofferdam-Upload-Session" // SHA-256(sid) in base64url
)

// UploadStored says how much keeper has of an upload.
type UploadStored struct {
	Size int64 `json:"size"` // bytes as they lie there
}
