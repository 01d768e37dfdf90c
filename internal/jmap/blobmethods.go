package jmap

// CapabilityBlob is that of Blob/upload, Blob/get and Blob/lookup (RFC 9404).
const CapabilityBlob = "urn:ietf:params:jmap:blob"

// UnknownDataType is the error of a Blob/lookup for a type that does not exist, or
// whose capability was not asked for (RFC 9404, section 4.3).
const UnknownDataType ErrorType = "unknownDataType"
