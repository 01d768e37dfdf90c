package jmap

// MessageView is what the reader of a message is told about its rendered body,
// beside the body itself (capability CapabilityVendor).
type MessageView struct {
	ID     EmailID
	IsHTML bool // false: the body is shown as text, also where HTML could not be
	Remote RemoteContent
	Links  int
	// Removed names the kinds of content that were taken out.
	Removed []string
}

// RemoteContent counts what was not loaded.
type RemoteContent struct {
	Count int
	Hosts []string
}
