// Package jmapservertest has an Account in memory, for tests of what stands on
// jmapserver.Account. It keeps what it is told and computes what is simple; it
// parses no message. It is safe for concurrent use.
package jmapservertest
