package platform

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The addresses that servers listen on. Dovecot takes a connection from its own
// address for protected, whatever it is told: to have it refuse plain logins it
// must live on another loopback address than its clients.
const (
	host       = "127.0.0.1"
	strictHost = "127.0.0.2"
)

// host returns the loopback address of this platform.
func (o Options) host() string {
	if o.RequireTLS {
		return strictHost
	}
	return host
}

// freeAddress finds a port of host that nobody listens on. Another program can
// still take it before the server does; Launch then tries again.
func freeAddress(host string) (string, error) {
	for range 200 {
		addr := net.JoinHostPort(host, strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		ln, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, ln.Close()
		}
	}
	return "", errors.New("no free port on " + host)
}
