package sandbox

import "golang.org/x/sys/unix"

const auditArch = uint32(unix.AUDIT_ARCH_X86_64)

// archFileList: the older names of file calls, which Go's os package and the
// database's C library in Go still use on x86-64.
var archFileList = []uint32{
	unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK,
	unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_MKDIR, unix.SYS_RENAME, unix.SYS_CHMOD, unix.SYS_TIME,
}

var archDeadlyList = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_USELIB}
