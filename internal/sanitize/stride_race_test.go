//go:build race

package sanitize

// stride thins the corpus out under the race detector, which is ten times slower.
const stride = 5
