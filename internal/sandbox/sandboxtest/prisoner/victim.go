package main

import (
	"fmt"
	"io"
	"os"
	"unsafe"

	"cofferdam/internal/sandbox/sandboxtest"
)

// victim holds a secret, says where, and lives until its input ends.
func victim() {
	secret := []byte(sandboxtest.VictimSecret)
	fmt.Println(uintptr(unsafe.Pointer(&secret[0])))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		fail(err)
	}
	_ = append(secret, '.') // keeps it reachable until here
}
