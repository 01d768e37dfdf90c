package system

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// acceptEncoding is what Chromium and Firefox send.
const acceptEncoding = "gzip, deflate, br, zstd"

// unzstd may be used by many at a time.
var unzstd = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxAnswer))
	if err != nil {
		panic(err) // the options are constants of ours
	}
	return d
}()

// readAnswer reads a body and undoes its Content-Encoding.
func readAnswer(resp *http.Response) ([]byte, error) {
	into := bytes.NewBuffer(make([]byte, 0, 16<<10))
	if _, err := into.ReadFrom(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, err
	}
	switch encoding := resp.Header.Get("Content-Encoding"); encoding {
	case "":
		return into.Bytes(), nil
	case "zstd":
		return unzstd.DecodeAll(into.Bytes(), nil)
	case "br":
		return io.ReadAll(io.LimitReader(brotli.NewReader(into), maxAnswer))
	case "gzip":
		z, err := gzip.NewReader(into)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.LimitReader(z, maxAnswer))
	default:
		return nil, fmt.Errorf("an answer in %q, which was not asked for", encoding)
	}
}
