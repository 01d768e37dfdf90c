package account

const (
	// maxCompared bounds the mails that an import is compared with byte by byte.
	// More than a few with one Message-ID and one size are made to keep us busy;
	// what is not compared is stored once more.
	maxCompared = 16

	// maxParsed bounds a message that is read from a blob as a whole, to be
	// parsed: what mail platforms take as a rule. An account holds one of them at a
	// time. A longer blob is notParsable.
	maxParsed = MaxUploadBytes

	// maxInnerID bounds what the id of a part in a message in a blob is made of,
	// so that it is an Id of at most 255 characters with its MAC and in base64.
	maxInnerID = 180
)
