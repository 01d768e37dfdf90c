package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// envOrder is the environment variable by which the profile reaches the child.
const envOrder = "COFFERDAM_SANDBOX"

// An order is what the parent did for a child and what is left to it.
type order struct {
	Profile Profile          `json:"profile"`
	Without []Layer          `json:"without,omitempty"`
	Refused map[Layer]string `json:"refused,omitempty"` // by the kernel, to the parent
	UserNS  bool             `json:"userns"`            // the child is in a user namespace
	SetUID  uint32           `json:"setuid,omitempty"`  // change to this id; 0: do not
	SetGID  uint32           `json:"setgid,omitempty"`
	Host    map[Layer]uint64 `json:"host"` // inode numbers of the parent's namespaces
	Cgroup  bool             `json:"cgroup"`
}

func (o *order) encode() (string, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("writing the sandbox order: %w", err)
	}
	if len(b) > maxOrder {
		return "", fmt.Errorf("writing the sandbox order: %d bytes, at most %d", len(b), maxOrder)
	}
	return envOrder + "=" + string(b), nil
}

// ErrNoOrder says that this process was not started by Profile.Prepare.
var ErrNoOrder = errors.New("sandbox: this process was not prepared by a supervisor")

// Inherited is the profile that the supervisor prepared this process for. It is
// taken out of the environment: the second call finds none.
func Inherited() (Profile, error) {
	s, ok := os.LookupEnv(envOrder)
	if !ok {
		return Profile{}, ErrNoOrder
	}
	if err := os.Unsetenv(envOrder); err != nil {
		return Profile{}, fmt.Errorf("sandbox: %w", err)
	}
	o := new(order)
	if err := json.Unmarshal([]byte(s), o); err != nil {
		return Profile{}, fmt.Errorf("reading the sandbox order: %w", err)
	}
	p := o.Profile
	p.without, p.order = o.Without, o
	return p, p.check()
}
