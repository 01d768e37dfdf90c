package sandbox

import "golang.org/x/sys/unix"

const auditArch = uint32(unix.AUDIT_ARCH_AARCH64)

// archFileList: arm64 has no calls older than the *at family.
var archFileList []uint32

var archDeadlyList = []uint32{unix.SYS_KEXEC_FILE_LOAD}
