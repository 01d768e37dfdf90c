package sandbox

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Network says what of the network a role keeps.
type Network string

const (
	// NoNetwork is an empty network namespace. Sockets that were received still
	// work, listening ones too.
	NoNetwork Network = "none"
	// DialOut is the host's network, for TCP and UDP connections outward. Raw,
	// Multipath, netlink and listening sockets are refused.
	DialOut Network = "dial-out"
)

// Profile says what one role may do. The zero value is not usable; start from a
// role's constructor and set what the configuration knows.
type Profile struct {
	Role    string  `json:"role"`
	Network Network `json:"network"`

	// Calls names the groups of system calls on the role's list.
	Calls []Group `json:"calls"`

	// Read and Write are absolute paths of files and folders (with all below).
	// Write includes reading. What does not exist when the role starts is left
	// out. The role sees the file that the path named then: a file that is
	// replaced by renaming needs its folder listed, or a restart.
	Read  []string `json:"read,omitempty"`
	Write []string `json:"write,omitempty"`

	// Ports are the TCP ports that a role with DialOut may connect to; none means
	// any. Landlock keeps it (ABI 4 and up).
	Ports []uint16 `json:"ports,omitempty"`

	// Memory is the hard limit in bytes, at least MemoryFloor, of what the role may
	// map on top of what it has mapped at its start; 0 is none.
	Memory int64 `json:"memory,omitempty"`

	// Files is the number of descriptors; 0 takes the package's limit.
	Files uint64 `json:"files,omitempty"`

	// UID and GID are the role's own when started as root, for a role that keeps
	// files; 0 takes one from the Host's range for the time the process lives.
	UID uint32 `json:"uid,omitempty"`
	GID uint32 `json:"gid,omitempty"`

	// Permit lists the layers that may be missing.
	Permit []Layer `json:"permit,omitempty"`

	without []Layer
	order   *order // what Prepare told the child; nil in the parent
}

// Cell is the profile of a process that does people's mail work. memory is its
// hard limit in bytes.
func Cell(memory int64) Profile {
	return Profile{Role: "cell", Network: NoNetwork, Calls: []Group{RuntimeCalls, LineCalls}, Memory: memory}
}

// Render is the profile of a process that makes hostile content harmless.
func Render(memory int64) Profile {
	p := Cell(memory)
	p.Role = "render"
	return p
}

// Decoder is the profile of a process that decodes one document and ends. It
// reads and writes what it inherited, and can ask nobody for more.
func Decoder(memory int64) Profile {
	return Profile{Role: "decoder", Network: NoNetwork, Calls: []Group{RuntimeCalls}, Memory: memory, Files: oneShotFiles}
}

// Keeper is the profile of the process that holds sessions and root keys; data is
// the folder of its database.
func Keeper(data ...string) Profile {
	return Profile{Role: "keeper", Network: NoNetwork, Calls: []Group{RuntimeCalls, LineCalls, FileCalls}, Write: data}
}

// Vault is the profile of the process that holds pepper and shred keys; data is
// its folder.
func Vault(data ...string) Profile {
	p := Keeper(data...)
	p.Role = "vault"
	return p
}

// Porter is the profile of the process that speaks with the mail platform.
func Porter() Profile {
	return Profile{
		Role: "porter", Network: DialOut,
		Calls: []Group{RuntimeCalls, LineCalls, ReadCalls, DialCalls},
		Read:  SystemFiles(),
	}
}

// Courier is the profile of the process that fetches from the internet.
func Courier() Profile {
	p := Porter()
	p.Role = "courier"
	return p
}

// Gate is the profile of the process that faces the internet. It accepts on
// listening sockets that it inherits, and so needs no network of its own; data
// are the folders it may write (certificates it obtained), read what it serves.
func Gate(data, read []string) Profile {
	return Profile{
		Role: "gate", Network: NoNetwork,
		Calls: []Group{RuntimeCalls, LineCalls, FileCalls, AcceptCalls},
		Write: data, Read: read, Files: 65_536,
	}
}

// WithDialOut gives a role the host's network for connections outward: a vault
// with an identity provider, a gate that obtains certificates, a keeper whose
// database is on another host.
func (p Profile) WithDialOut(ports ...uint16) Profile {
	p.Network = DialOut
	p.Ports = ports
	p.Calls = append(slices.Clone(p.Calls), DialCalls)
	p.Read = append(slices.Clone(p.Read), SystemFiles()...)
	return p
}

// SystemFiles are what a process that dials out reads of the machine: resolver
// settings, certificate authorities, time zones.
func SystemFiles() []string {
	return []string{
		"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols",
		"/run/systemd/resolve", "/etc/localtime",
		"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates/extracted",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/zoneinfo",
	}
}

// Without leaves layers out. Only a binary built with the tag cofferdam_breakin
// honours it; any other refuses the profile.
func (p Profile) Without(layers ...Layer) Profile {
	p.without = append(slices.Clone(p.without), layers...)
	return p
}

// Only leaves all layers out but those named; the same holds as for Without.
func (p Profile) Only(layers ...Layer) Profile {
	for _, l := range Layers() {
		if !slices.Contains(layers, l) {
			p = p.Without(l)
		}
	}
	return p
}

// has says whether the layer is to be put on.
func (p Profile) has(l Layer) bool { return !slices.Contains(p.without, l) }

// check refuses a profile that cannot be kept.
func (p Profile) check() error {
	if p.Role == "" || len(p.Calls) == 0 {
		return fmt.Errorf("sandbox profile of %q: no role or no system calls", p.Role)
	}
	if p.Network != NoNetwork && p.Network != DialOut {
		return fmt.Errorf("sandbox profile of %s: unknown network %q", p.Role, p.Network)
	}
	if p.Memory != 0 && p.Memory < MemoryFloor {
		return fmt.Errorf("sandbox profile of %s: memory limit %d is under the floor of %d bytes", p.Role, p.Memory, int64(MemoryFloor))
	}
	if n := len(p.Read) + len(p.Write); n > MaxPaths {
		return fmt.Errorf("sandbox profile of %s: %d paths, at most %d", p.Role, n, MaxPaths)
	}
	for _, path := range slices.Concat(p.Read, p.Write) {
		if err := checkPath(path); err != nil {
			return fmt.Errorf("sandbox profile of %s: %w", p.Role, err)
		}
	}
	for _, g := range p.Calls {
		if !slices.Contains(groups(), g) {
			return fmt.Errorf("sandbox profile of %s: unknown group of system calls %q", p.Role, g)
		}
	}
	for _, l := range slices.Concat(p.Permit, p.without) {
		if !known(l) {
			return fmt.Errorf("sandbox profile of %s: unknown layer %q", p.Role, l)
		}
	}
	if len(p.without) > 0 && !testOnlyLayersOff {
		return fmt.Errorf("sandbox profile of %s: layers %v switched off in a binary that is not a test build", p.Role, p.without)
	}
	return nil
}

// checkPath refuses what would open more than meant: the root itself, and the
// kernel's file systems.
func checkPath(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("path %q is not absolute and clean", path)
	}
	for _, no := range []string{"/proc", "/sys", "/dev"} {
		if path == "/" || path == no || strings.HasPrefix(path, no+"/") {
			return fmt.Errorf("path %q may not be given to a role", path)
		}
	}
	return nil
}
