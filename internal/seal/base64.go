package seal

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// EncodeBase64 writes unpadded base64url (RFC 4648, section 5), the only text
// form of bytes in our formats.
func EncodeBase64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// DecodeBase64 reads it strictly: no padding, no line breaks (which Go's decoder
// would skip), no stray bits at the end. The error wraps ErrFormat.
func DecodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("line break in base64url: %w", ErrFormat)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("not strict base64url: %w", ErrFormat)
	}
	return b, nil
}
